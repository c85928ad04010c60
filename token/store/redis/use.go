package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"wxproxy/token"
	"wxproxy/token/store/seal"
)

// Use has ask use Redis over the link of this store, which a reload may replace, unless
// Redis has just failed to answer. It takes twice the timeout at most. What Redis refuses
// says nothing of what it does for tokens; that it does not answer does. The error shows
// nothing of what Redis was sent.
func (s *Store) Use(ctx context.Context, ask func(context.Context, redis.UniversalClient) error) error {
	s.mu.Lock()
	gone := time.Now().Before(s.awayTill)
	s.mu.Unlock()
	if gone {
		return token.ErrAway
	}
	asked := time.Now()
	limited, cancel := context.WithTimeout(ctx, 2*timeout)
	defer cancel()
	err := ask(limited, s.link.Load().client)
	_, answered := errors.AsType[redis.Error](err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && time.Since(asked) < timeout/2:
		return ctx.Err() // of the caller's
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case !answered && !errors.Is(err, redis.ErrPoolTimeout): // that is ours
		s.reportFailure(loads, err)
	}
	return fmt.Errorf("%w: %w", token.ErrAway, s.redact(err))
}

// Remedy says in words what to do about an error of Use.
func Remedy(err error) string { return remedyFor(err) }

// Prefix returns what all names in Redis begin with.
func (s *Store) Prefix() string { return s.prefix }

// Sealer returns what encrypts records now; nil: they are not encrypted.
func (s *Store) Sealer() *seal.Sealer { return s.link.Load().seal }

// name returns the name of key's record in Redis.
func (s *Store) name(key token.Key) string { return s.prefix + ":" + path(key) }

// path returns the part of the name that is the key's own.
func path(k token.Key) string {
	of := k.AppID
	if k.Platform != "" {
		of = k.Platform + ":" + k.AppID
	}
	if k.Ticket == "" {
		return of + ":token"
	}
	return of + ":ticket:" + k.Ticket
}
