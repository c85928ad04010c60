package token

import (
	"time"
)

// Accepted tells that WeChat honoured value in the answer to a request that began
// at sent. That ends whatever an earlier refusal of the token has led to. It costs
// next to nothing unless there was one.
func (k *Keeper) Accepted(value string, sent time.Time) {
	if k.doubted.Load() {
		k.confirm(value, sent)
	}
}

// IsHonoured reports whether WeChat was seen to honour value within the last 30 s,
// although it was refused somewhere: in a probe, or in an answer.
func (k *Keeper) IsHonoured(value string) bool {
	s := k.state.Load()
	return s.token.Value.Equal(value) && recently(s.honoured, time.Now())
}

// confirm notes that WeChat honours the token. An answer to a request that began
// before the token was doubted says nothing: it may have died meanwhile.
func (k *Keeper) confirm(value string, sent time.Time) {
	k.mu.Lock()
	before, now := k.state.Load(), time.Now()
	confirmed := before.isDoubted() && before.token.ValidAt(now) && before.token.Value.Equal(value) && sent.After(before.failedAt)
	if confirmed {
		k.update(before.confirmed(now, k.options))
	}
	k.mu.Unlock()
	if confirmed {
		k.reportConfirmed(before)
	}
}

// isDoubted reports whether a refusal of the token has changed the state.
func (s *state) isDoubted() bool { return s.stuck != nil || !s.planned.IsZero() }

// confirmed returns the state after WeChat was seen to honour the token: what its
// refusal has led to is over, and the plan is the one from before.
func (s *state) confirmed(now time.Time, o Options) *state {
	next := *s
	next.stuck, next.honoured = nil, now
	next.trustedUntil = later(s.trustedUntil, now.Add(standing))
	if s.planned.IsZero() {
		return &next
	}
	if refusal, ok := s.err.(*Refusal); ok && o.Issuer.refusesSecret(refusal) && o.Issuer.OfToken(refusal.Code) != Dead { //nolint:errorlint // as in refusesSecret
		next.denied = refusal // which is true all the same
	}
	next.err, next.class, next.failures = nil, "", 0
	next.next, next.planned = s.planned, time.Time{}
	return &next
}

// isYoung reports whether the token is so new that not all of WeChat may know it.
func (s *state) isYoung(now time.Time) bool { return recently(s.since, now) }

// reportConfirmed logs that a token which was said to be dead is not.
func (k *Keeper) reportConfirmed(before *state) {
	if before.stuck != nil {
		k.logger().Info("WeChat honours the token again", "expires_in", timeUntil(before.token.Expires))
	}
}
