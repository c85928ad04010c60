package token

import (
	"errors"
	"fmt"
	"time"
)

// ErrResting is the state of a token that died so soon that WeChat is not asked for
// another one yet.
var ErrResting = errors.New("WeChat refuses the token, which was issued or asked for less than 30 s ago: it is replaced when these are over")

// isJudged reports whether it is known what WeChat thinks of the token at large, as
// far as that can be known, and nobody is about to replace one that is dead.
func (s *state) isJudged(now time.Time, o Options) bool {
	if s.stuck != nil {
		return s.flight == nil
	}
	return o.Probe == nil || s.err != nil || recently(s.honoured, now) || recently(s.examined, now)
}

// resting returns s with a token that is dead, and is not replaced for a moment yet:
// until then it stands. Where so many were fetched today that a refusal has none
// fetched, the plan stays.
func (s *state) resting(now time.Time, o Options) *state {
	next := *s
	next.stuck, next.planned, next.failedAt = ErrResting, s.next, now
	next.class, next.failures = ClassAccount, 0
	if s.spent.isFrugal(now, o) {
		next.stuck = fmt.Errorf("WeChat refuses the token, and no other is fetched for that: %w", ErrManyFetches)
		return &next
	}
	next.next = now.Round(0).Add(max(s.stands.Sub(now), minPause))
	return &next
}

// Dead reports whether WeChat refuses value everywhere and has no other token at the
// moment, so that to send it again is in vain.
func (k *Keeper) Dead(value string) bool {
	s := k.state.Load()
	return s.stuck != nil && s.bare == value
}

// reportResting logs that the token is dead, and when it is replaced.
func (k *Keeper) reportResting(after *state) {
	e := k.options.Issuer.Explain(after.stuck)
	k.logger().Warn("the token is dead and not replaced yet", "expires_in", inWords(after.rest()),
		"next_refresh_in", timeUntil(after.next), "errmsg", e.Reason, "remedy", e.Remedy, "remedy_zh", e.RemedyZH)
}
