package redis

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/redis/go-redis/v9"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// hasLost reports whether Redis holds other data than when it was asked last: then
// the mark is gone that a replica left there, or another one's is in its place.
func (s *Store) hasLost(ctx context.Context) bool {
	mark, err := s.readMark(ctx)
	if err == nil && mark == "" {
		if err = s.setMark(ctx); err == nil {
			mark, err = s.readMark(ctx)
		}
	}
	if err != nil || mark == s.mark {
		return false
	}
	first := s.mark == ""
	s.mark = mark
	return !first
}

// setMark leaves a mark in Redis, unless there is one.
func (s *Store) setMark(ctx context.Context) error {
	return s.try(ctx, marking, func(ctx context.Context) error {
		return ignoreNil(s.link.Load().client.SetNX(ctx, s.markName(), rand.Text(), recordLife).Err())
	})
}

// readMark returns the mark in Redis, empty if there is none.
func (s *Store) readMark(ctx context.Context) (mark string, err error) {
	err = s.try(ctx, marks, func(ctx context.Context) error {
		mark, err = s.link.Load().client.Get(ctx, s.markName()).Result()
		return ignoreNil(err)
	})
	return mark, err
}

// markName returns the name of the mark.
func (s *Store) markName() string { return s.prefix + ":mark" }

// ignoreNil returns err unless it tells that Redis has nothing.
func ignoreNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// reportOdd says once of a record that it is damaged, though not all of it.
func (s *Store) reportOdd(key token.Key, odd bool) {
	name := s.name(key)
	s.mu.Lock()
	said := s.odd[name]
	if odd {
		s.odd[name] = true
	} else {
		delete(s.odd, name)
	}
	s.mu.Unlock()
	if odd && !said {
		s.log.Warn("a record in Redis is damaged: what can be read of it counts, and the next token replaces it", "record", name)
	}
}

// reportUnsaid says once that Redis lets this replica announce nothing.
func (s *Store) reportUnsaid(why string) {
	if why == "" {
		return
	}
	s.mute.Do(func() {
		s.log.Warn("Redis lets this replica announce nothing: the others find out up to 30 s later what it stored",
			"err", secret.Quote(why, s.link.Load().redacted...), "remedy", missingRight)
	})
}

// reportDeaf says that Redis lets this replica hear nothing, and reports whether
// that was to be said: the subscription itself tells only of success.
func (s *Store) reportDeaf(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	subscription := s.link.Load().client.Subscribe(limited, s.channel())
	defer subscription.Close()
	_, err := subscription.Receive(limited)
	if !redis.HasErrorPrefix(err, "NOPERM") {
		return false // this right is not what is missing; other errors are said elsewhere
	}
	s.log.Warn("Redis lets this replica hear nothing: it finds out up to 30 s later what the others stored",
		"err", s.words(err), "remedy", remedyFor(err))
	return true
}
