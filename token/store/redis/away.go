package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"wxproxy/token"
	"wxproxy/token/store/tally"
)

// away is how long Redis is not asked after it did not answer in time, so that
// ten thousand accounts do not wait for it by turns.
const away = time.Second

// A need is something that Redis may refuse while it does all else.
type need int

const (
	loads       need = iota
	saves            // Redis may be able to answer and unable to store
	leases           // to take one
	releases         // to prolong one and give it back
	removes          // of records
	generations      // of records are read
	marks            // to read the mark
	marking          // to set it
	noting           // of changes
	changed          // is read
)

// operations are what the needs are counted as.
var operations = [...]tally.Operation{
	loads: tally.Load, saves: tally.Save, leases: tally.Lease, releases: tally.Lease, removes: tally.Remove,
	generations: tally.Watch, marks: tally.Watch, marking: tally.Watch, noting: tally.Watch, changed: tally.Watch,
}

// try asks Redis, unless it has just failed to answer, and counts that. It takes twice
// the timeout at most, whatever the library tries meanwhile.
func (s *Store) try(ctx context.Context, n need, ask func(context.Context) error) error {
	s.mu.Lock()
	gone := time.Now().Before(s.awayTill)
	s.mu.Unlock()
	if gone {
		s.tally.Skipped(operations[n])
		return token.ErrAway
	}
	limited, cancel := context.WithTimeout(ctx, 2*timeout)
	defer cancel()
	asked := time.Now()
	err := ask(limited)
	if ctx.Err() == nil {
		s.tally.Took(operations[n], time.Since(asked), err)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // of ours
	case isOtherType(err):
		s.report(n, nil)
		return err
	}
	s.report(n, err)
	if err != nil {
		return fmt.Errorf("%w: %w", token.ErrAway, s.redact(err))
	}
	return nil
}

// report notes whether Redis answers, and logs when that, or what to do about it,
// changes.
func (s *Store) report(n need, err error) {
	if err != nil {
		s.reportFailure(n, err)
		return
	}
	s.mu.Lock()
	s.refused[n] = false
	if s.failing == nil || s.refuses() { // that it does something else proves nothing
		s.mu.Unlock()
		return
	}
	s.failing, s.said = nil, nil
	s.mu.Unlock()
	s.tally.Failing(nil, "")
	s.log.Info("Redis works again")
}

// reportFailure says once what to do, whatever else fails meanwhile.
func (s *Store) reportFailure(n need, err error) {
	_, answered := errors.AsType[redis.Error](err)
	remedy := remedyFor(err)
	s.mu.Lock()
	begins, said := s.failing == nil || answered && !s.refused[n], slices.Contains(s.said, remedy)
	s.failing, s.refused[n] = err, s.refused[n] || answered
	if !answered {
		s.awayTill = time.Now().Add(away)
	}
	if !said {
		s.said = append(s.said, remedy)
	}
	s.mu.Unlock()
	s.tally.Failing(s.redact(err), remedy)
	if !said {
		s.log.Warn("Redis is of no use: tokens in memory are served on, and refreshed without the other replicas when they are about to end",
			"err", s.words(err), "remedy", remedy)
	}
	if begins {
		select {
		case s.failed <- struct{}{}:
		default: // the watch knows
		}
	}
}

// refuses reports whether there is something that Redis has refused last. The caller
// holds s.mu.
func (s *Store) refuses() bool { return slices.Contains(s.refused[:], true) }
