package token

import "time"

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

// isFrugal reports whether so many classic tokens were fetched today that only
// those are fetched still that callers cannot do without.
func (s Spent) isFrugal(now time.Time, o Options) bool {
	return o.Classic && s.On(now).Fetches >= o.Issuer.Pacing.FetchesPerDay
}

// recently reports whether at was less than 30 s before now. What seems to be in
// the future, because the clock was set back, was not.
func recently(at, now time.Time) bool {
	since := now.Sub(at)
	return since >= 0 && since < standing
}
