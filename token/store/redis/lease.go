package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"wxproxy/token"
)

const (

	// leaseRenewal is how often one that lives prolongs its lease.
	leaseRenewal = token.LeaseLife / 3

	// leaseLongest is how long a lease is renewed: a replica that still has it then
	// lives, but does not get on. No flight takes longer.
	leaseLongest = 75 * time.Second
)

// A lease is its owner's alone to prolong and to give back.
const (
	renewScript   = `return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0`
	releaseScript = `return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0`
)

// Lease makes this replica the one that asks WeChat about key until release is
// called, which may be done once. It spares WeChat questions; nothing else
// depends on it, and one that is lost or held twice does no harm. The error is
// ErrLeased, or Redis is out of reach.
func (s *Store) Lease(key token.Key) (release func(), err error) {
	name, owner, held := s.name(key)+":lease", rand.Text(), false
	err = s.try(context.Background(), leases, func(ctx context.Context) error {
		err := s.link.Load().client.Do(ctx, "SET", name, owner, "NX", "PX", token.LeaseLife.Milliseconds()).Err()
		held = err == nil
		if errors.Is(err, redis.Nil) {
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case !held:
		return nil, token.ErrLeased
	}
	renewing, stop := context.WithCancel(context.Background())
	renewed := make(chan struct{})
	go func() {
		renew(renewing, func() {
			_ = s.onLease(renewScript, name, owner, token.LeaseLife.Milliseconds()) // or another replica asks, too
		})
		close(renewed)
	}()
	return func() {
		stop()
		<-renewed
		_ = s.onLease(releaseScript, name, owner) // or it ends by itself
	}, nil
}

// renew has a lease prolonged until ctx ends, but not for ever.
func renew(ctx context.Context, prolong func()) {
	tick := time.NewTicker(leaseRenewal)
	defer tick.Stop()
	for range leaseLongest / leaseRenewal {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			prolong()
		}
	}
}

func (s *Store) onLease(script, name, owner string, args ...any) error {
	return s.try(context.Background(), releases, func(ctx context.Context) error {
		return s.link.Load().client.Eval(ctx, script, []string{name}, append([]any{owner}, args...)...).Err()
	})
}
