package token

import (
	"math/rand/v2"
	"time"
)

// standing is how long WeChat's word about a refused token holds: neither does
// a further rejection of a token that WeChat stands by reach WeChat, nor is the
// classic token rotated again for one.
const standing = 30 * time.Second

// A state is all that a Keeper knows at one moment. It is replaced, not edited,
// so that a reader sees one moment whole.
//
// Moments of the token and of the plan are wall clock time, which goes on while
// a machine is suspended.
type state struct {
	token     Token
	fetchedAt time.Time // zero for a token out of the store
	next      time.Time // the due moment, or after a failure that of the retry
	stands    time.Time // until then a rejection of token is not taken to WeChat

	err      error // of the last fetch; nil after a success
	class    Class // of err
	failures int   // of this class, in a row

	day     int64 // of the last fetch, see beijingDay
	fetches int   // on that day

	flight *flight // the one under way, or nil
}

// backsOff reports whether the last fetch failed so recently that WeChat is not
// to be asked again yet.
func (s *state) backsOff(now time.Time) bool {
	return s.err != nil && now.Before(s.next)
}

// fetchesOn returns how many fetches there were on the day of now.
func (s *state) fetchesOn(now time.Time) int {
	if s.day != beijingDay(now) {
		return 0
	}
	return s.fetches
}

// abandoned returns s without its flight, which the Keeper's end cut short.
func (s *state) abandoned() *state {
	next := *s
	next.flight = nil
	return &next
}

// landed returns s without its flight, which ended at now having asked WeChat.
func (s *state) landed(now time.Time) *state {
	next := s.abandoned()
	next.fetches = s.fetchesOn(now) + 1
	next.day = beijingDay(now)
	return next
}

// loaded returns the state after the store had t. One that is already due is
// served while its successor is asked for.
func (s *state) loaded(t Token, o Options) *state {
	now, next := time.Now(), s.abandoned()
	next.token = wallClock(t)
	next.next = now.Round(0)
	if left := next.token.Expires.Sub(now); left > o.RefreshBefore {
		next.next = next.next.Add(refreshAfter(left, o.RefreshBefore, rand.Float64()))
	}
	return next
}

// failed returns the state after a fetch ended with err. The token stays.
func (s *state) failed(err error) *state {
	now := time.Now()
	next := s.landed(now)
	next.err = err
	next.class = Explain(err).Class
	if s.err == nil || next.class != s.class {
		next.failures = 0
	}
	next.failures++
	next.next = now.Round(0).Add(retryAfter(next.class, next.failures, rand.Float64()))
	return next
}

// fetched returns the state after WeChat answered t, asked because refused had
// been rejected, or for no such reason if that is empty.
func (s *state) fetched(t Token, refused Secret, o Options) *state {
	now := time.Now()
	next := s.landed(now)
	next.err, next.class, next.failures = nil, "", 0
	next.token = wallClock(t)
	next.fetchedAt = now.Round(0)
	next.next = s.due(next.token, now, o)

	value := t.Value.Reveal()
	switch {
	case refused.Equal(value), o.Classic && !refused.Empty():
		next.stands = now.Add(standing)
	case !o.Classic && !s.token.Value.Equal(value):
		next.stands = time.Time{} // what was said of another token
	}
	return next
}

// due returns when to ask for the successor of t, which WeChat answered at now.
func (s *state) due(t Token, now time.Time, o Options) time.Time {
	left, wall := t.Expires.Sub(now), now.Round(0)
	repeated := s.token.Value.Equal(t.Value.Reveal()) && t.Expires.Sub(s.token.Expires) < sameExpiry
	if !repeated {
		return wall.Add(refreshAfter(left, o.RefreshBefore, rand.Float64()))
	}
	soon := wall.Add(repeatAfter(left, o.RefreshBefore, rand.Float64()))
	if soon.Before(s.next) {
		return s.next // a rejection made us ask, and the plan holds
	}
	return soon
}

// wallClock returns t with an expiry that comes nearer while the machine sleeps.
func wallClock(t Token) Token {
	return Token{Value: t.Value, Expires: t.Expires.Round(0)}
}
