package token

import (
	"fmt"
	"time"
)

// A Limit is why WeChat is not made to replace a token now. It is safe to show.
type Limit struct {
	Account string        // its name
	Reason  string        // which limit it is
	Retry   time.Duration // until that is over
}

// Error implements error.
func (l *Limit) Error() string {
	return fmt.Sprintf("the token of account %s is not replaced: %s", l.Account, l.Reason)
}

// RetryAfter returns how long it is useless to ask again.
func (l *Limit) RetryAfter() time.Duration { return l.Retry }

// ReplaceByForce has WeChat make another token whatever it thinks of the current
// one, which may be in wrong hands, and waits for that, at most so long. A fetch
// that is under way is waited for, and is none of it. Callers at the same time share
// one replacement. The error is a [*Limit], an [*Unavailable] or a [*Timeout]; the
// current token stays in place then.
func (k *Keeper) ReplaceByForce(wait time.Duration) error {
	deadline := time.Now().Add(wait)
	for {
		f, err := k.beginByForce()
		if err != nil {
			return err
		}
		if !f.hasBegun() {
			go k.run(f)
		}
		if !f.await(time.Until(deadline)) {
			return &Timeout{Account: k.options.Name, Waited: wait}
		}
		if f.forces && (f.why != nil || !f.sent.IsZero()) { // or it only took what the store had
			return k.whetherReplaced(f)
		}
	}
}

// beginByForce returns the flight under way, or one by force that it launches, unless
// a limit forbids that.
func (k *Keeper) beginByForce() (*flight, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, now := k.state.Load(), time.Now()
	switch {
	case k.stopped:
		return nil, k.unavailable(ErrStopped, 0)
	case s.flight != nil:
		return s.flight, nil
	}
	if limit := k.limit(s, now); limit != nil {
		return nil, limit
	}
	if wait := s.askedAt.Add(askedPause).Sub(now); s.err != nil && wait > 0 {
		return nil, k.unavailable(s.err, wait)
	}
	next := *s
	next.askedAt = now
	f := k.launch(&next, "")
	f.asked, f.forces, f.leaked = true, true, s.token.Value
	return f, nil
}

// limit returns what forbids to have WeChat replace the token of s; nil: nothing.
func (k *Keeper) limit(s *state, now time.Time) *Limit {
	spent, young, pacing := s.spent.On(now), s.youngFor(now), &k.options.Issuer.Pacing
	limit := &Limit{Account: k.options.Name}
	last := later(spent.ForcedAt, spent.RotatedAt)
	switch {
	case spent.isFrugal(now, k.options):
		limit.Reason, limit.Retry = fmt.Sprintf("%d tokens were fetched today, which is all until midnight in Beijing", pacing.FetchesPerDay), untilBeijingMidnight(now)
	case !k.options.Classic && spent.Forced >= pacing.ForcedPerDay:
		limit.Reason, limit.Retry = fmt.Sprintf("WeChat allows %d forced refreshes a day, which are used up until midnight in Beijing", pacing.ForcedPerDay), untilBeijingMidnight(now)
	case recently(last, now):
		limit.Reason, limit.Retry = "it was replaced less than 30 s ago, or WeChat was asked to", standing-now.Sub(last)
	case s.token.ValidAt(now) && young > 0:
		limit.Reason, limit.Retry = "it is less than 30 s old, and not all of WeChat may know it yet", young
	default:
		return nil
	}
	return limit
}

// youngFor returns how long the token is still younger than 30 s.
func (s *state) youngFor(now time.Time) time.Duration { return standing - now.Sub(s.since) }

// untilBeijingMidnight returns how long WeChat's quotas of today last.
func untilBeijingMidnight(now time.Time) time.Duration {
	const day = 24 * time.Hour
	shifted := now.UTC().Add(8 * time.Hour)
	return shifted.Truncate(day).Add(day).Sub(shifted)
}

// settleByForce makes WeChat replace the token, unless what other processes know
// forbids that.
func (k *Keeper) settleByForce(f *flight) outcome {
	if k.isLate(f) {
		return outcome{late: true}
	}
	now := time.Now()
	if limit := k.limit(k.state.Load(), now); limit != nil {
		f.why = limit
		return outcome{late: true}
	}
	fetch := k.options.Force
	k.spend(func(s *Spent) {
		if k.options.Classic {
			fetch, s.RotatedAt = k.options.Fetch, now
			return
		}
		s.Forced, s.ForcedAt = s.Forced+1, now
	})
	k.save(nil)
	t, err := k.ask(f, f.reason(k.state.Load()), fetch)
	if err != nil {
		f.why = err
		return outcome{err: err}
	}
	if !t.Value.Equal(f.leaked.Reveal()) {
		k.awaitEdges(f, t)
	}
	return outcome{token: t}
}

// whetherReplaced returns what came of f, which was to replace a token by force.
func (k *Keeper) whetherReplaced(f *flight) error {
	s := k.state.Load()
	limit, limited := f.why.(*Limit) //nolint:errorlint // settleByForce put it there as it is
	switch {
	case !s.token.Value.Empty() && !s.token.Value.Equal(f.leaked.Reveal()):
		return nil // be it by another process
	case limited:
		return limit
	case f.why != nil:
		return k.unavailable(f.why, max(time.Until(s.next), 0))
	}
	return &Limit{Account: k.options.Name, Retry: standing,
		Reason: "WeChat repeated it: it allows one forced refresh in 30 s and 20 a day, and another program may have used them"}
}
