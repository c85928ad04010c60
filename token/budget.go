package token

import (
	"fmt"
	"time"
)

// Spent is what an account has used of WeChat's quotas, which count by the day,
// and when it last did what must not be repeated soon.
type Spent struct {
	Day       int64     // see BeijingDay; the counts are of that day
	Fetches   int       // of tokens
	Forced    int       // of these, by force
	ForcedAt  time.Time // zero if never
	RotatedAt time.Time // when a rejection made us rotate a classic token; zero if never
}

// On returns s as it counts at now.
func (s Spent) On(now time.Time) Spent {
	if day := BeijingDay(now); s.Day != day {
		s.Day, s.Fetches, s.Forced = day, 0, 0
	}
	return s
}

// plus returns s with what else was spent of the same account.
func (s Spent) plus(earlier Spent, now time.Time) Spent {
	s, earlier = s.On(now), earlier.On(now)
	s.Fetches += max(earlier.Fetches, 0)
	s.Forced += max(earlier.Forced, 0)
	s.ForcedAt, s.RotatedAt = later(s.ForcedAt, earlier.ForcedAt), later(s.RotatedAt, earlier.RotatedAt)
	return s
}

// minus returns s without the counts that are in earlier.
func (s Spent) minus(earlier Spent, now time.Time) Spent {
	s, earlier = s.On(now), earlier.On(now)
	s.Fetches -= earlier.Fetches
	s.Forced -= earlier.Forced
	return s
}

// atLeast returns what of the same counts is more, because a store has lost some,
// and the later times.
func (s Spent) atLeast(other Spent, now time.Time) Spent {
	s, other = s.On(now), other.On(now)
	s.Fetches, s.Forced = max(s.Fetches, other.Fetches), max(s.Forced, other.Forced)
	s.ForcedAt, s.RotatedAt = later(s.ForcedAt, other.ForcedAt), later(s.RotatedAt, other.RotatedAt)
	return s
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// isOverBudget reports whether so many classic tokens were fetched today that only
// those are fetched still that callers cannot do without.
func (s Spent) isOverBudget(now time.Time, o Options) bool {
	return o.Kind.rotates() && s.On(now).Fetches >= o.Issuer.Pacing.FetchesPerDay
}

// recently reports whether at was less than 30 s before now. What seems to be in
// the future, because the clock was set back, was not.
func recently(at, now time.Time) bool {
	since := now.Sub(at)
	return since >= 0 && since < standing
}

// FetchSucceeded is the outcome of a fetch that ended with a token. The other
// outcomes are the Classes.
const FetchSucceeded = "success"

// A FetchCount is how many fetches for one reason ended in one way.
type FetchCount struct {
	Reason  string // "start", "due", "refused", "forced" or "asked"
	Outcome string // FetchSucceeded, or the class of the failure
	N       uint64
}

// Fetches returns how often WeChat was asked for a token since the start.
func (k *Keeper) Fetches() []FetchCount {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]FetchCount(nil), k.fetches...)
}

// count counts a fetch that ended with err. There are so few reasons and
// outcomes that a list is smaller than a map, and as fast.
func (k *Keeper) count(reason string, err error) {
	outcome := FetchSucceeded
	if err != nil {
		outcome = string(k.options.Issuer.Explain(err).Class)
	}
	if k.options.Counted != nil {
		k.options.Counted(FetchCount{reason, outcome, 1})
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.fetches {
		if c := &k.fetches[i]; c.Reason == reason && c.Outcome == outcome {
			c.N++
			return
		}
	}
	k.fetches = append(k.fetches, FetchCount{reason, outcome, 1})
}

// limit returns what forbids to have WeChat replace the token of s; nil: nothing.
func (k *Keeper) limit(s *state, now time.Time) *Limit {
	spent, young, pacing := s.spent.On(now), s.youngFor(now), &k.options.Issuer.Pacing
	limit := &Limit{Account: k.options.name()}
	last := later(spent.ForcedAt, spent.RotatedAt)
	switch {
	case spent.isOverBudget(now, k.options):
		limit.Reason, limit.Retry = fmt.Sprintf("%d tokens were fetched today, which is all until midnight in Beijing", pacing.FetchesPerDay), untilBeijingMidnight(now)
	case !k.options.Kind.rotates() && k.options.Force == nil:
		limit.Reason, limit.Retry = "its issuer repeats it until its end and cannot be made to replace it; for a leaked one, reset the secret in the issuer's console", untilBeijingMidnight(now)
	case !k.options.Kind.rotates() && spent.Forced >= pacing.ForcedPerDay:
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
