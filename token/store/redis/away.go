package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"wxproxy/token"
	"wxproxy/token/store/tally"
)

// away is how long Redis is not asked after it did not answer in time, so that
// ten thousand accounts do not wait for it by turns.
const away = time.Second

// An access to Redis, which may be able to answer and unable to store.
type access bool

const (
	reads  access = false
	writes access = true
)

// try asks Redis, unless it has just failed to answer, and counts that. It takes twice
// the timeout at most, whatever the library tries meanwhile.
func (s *Store) try(ctx context.Context, what tally.Operation, a access, ask func(context.Context) error) error {
	s.mu.Lock()
	gone := time.Now().Before(s.awayTill)
	s.mu.Unlock()
	if gone {
		s.tally.Skipped(what)
		return token.ErrAway
	}
	limited, cancel := context.WithTimeout(ctx, 2*timeout)
	defer cancel()
	asked := time.Now()
	err := ask(limited)
	if ctx.Err() == nil {
		s.tally.Took(what, time.Since(asked), err)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // of ours
	case isOtherType(err):
		s.report(a, nil)
		return err
	}
	s.report(a, err)
	if err != nil {
		return fmt.Errorf("%w: %w", token.ErrAway, s.redact(err))
	}
	return nil
}

// report notes whether Redis answers, and logs when that, or what to do about it,
// changes. One that refuses to store is not well because it answers questions.
func (s *Store) report(a access, err error) {
	s.mu.Lock()
	before := s.failing
	if _, refuses := errors.AsType[redis.Error](before); err == nil && refuses && a == reads && s.refused == writes {
		s.mu.Unlock()
		return
	}
	s.failing, s.refused = err, a
	if err != nil {
		s.awayTill = time.Now().Add(away)
	}
	s.mu.Unlock()
	s.tell(err)
	switch {
	case err == nil && before != nil:
		s.log.Info("Redis works again")
	case err != nil && (before == nil || remedyFor(err) != remedyFor(before)):
		s.log.Warn("Redis is of no use: tokens in memory are served on, and refreshed without the other replicas when they are about to end",
			"err", s.words(err), "remedy", remedyFor(err))
		select {
		case s.failed <- struct{}{}:
		default: // the watch knows
		}
	}
}

// tell has the tally know whether Redis is of use.
func (s *Store) tell(err error) {
	if err == nil {
		s.tally.Failing(nil, "")
		return
	}
	s.tally.Failing(s.redact(err), remedyFor(err))
}
