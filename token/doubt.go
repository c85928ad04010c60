package token

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
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
		k.say(slog.LevelInfo, "{issuer} honours the token again", "expires_in", timeUntil(before.token.Expires))
	}
}

// examineEvery is how often a token that was found dead is examined again, so that
// the end of a disturbance at WeChat is noticed without any call.
const examineEvery = 15 * time.Second

// ErrResting is the state of a token that died so soon that WeChat is not asked for
// another one yet.
var ErrResting = errors.New("the token is refused, which was issued or asked for less than 30 s ago: it is replaced when these are over")

// isJudged reports whether it is known, as far as it can be, what WeChat thinks of the
// token, and no flight is about to replace one that is dead.
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
	if s.spent.isOverBudget(now, o) {
		next.stuck = fmt.Errorf("WeChat refuses the token, and no other is fetched for that: %w", ErrManyFetches)
		return &next
	}
	next.next = now.Round(0).Add(max(s.trustedUntil.Sub(now), minPause))
	return &next
}

// IsDead reports whether WeChat refuses value everywhere and has no other token at the
// moment, so that sending it again is useless.
func (k *Keeper) IsDead(value string) bool {
	s := k.state.Load()
	return s.stuck != nil && s.value == value
}

// reportResting logs that the token is dead, and when it is replaced.
func (k *Keeper) reportResting(after *state) {
	e := k.options.Issuer.Explain(after.stuck)
	k.logger().Warn("the token is dead and not replaced yet", "expires_in", inWords(after.remaining()),
		"next_refresh_in", timeUntil(after.next), "errmsg", e.Reason, "remedy", e.Remedy, "remedy_zh", e.RemedyZH)
}

// foundDead returns s after WeChat had no other token than one that is dead. It is
// asked again soon, and less often the longer that lasts.
func (s *state) foundDead(before *state, now time.Time, o Options) *state {
	next := *s
	next.planned, next.failedAt, next.class, next.failures = s.next, now, ClassAccount, 1
	if before.stuck != nil && before.err == nil {
		next.failures = before.failures + 1
	}
	next.next = now.Round(0).Add(o.Issuer.Pacing.deadAfter(next.failures, rand.Float64()))
	return &next
}

// deadValue returns the token if it is dead as far as is known, so that nothing but
// another one, or WeChat's word, ends that.
func (s *state) deadValue() string {
	if s.stuck == nil {
		return ""
	}
	return s.value
}

// remaining returns how long the token can be used, as far as is known: one that is
// dead cannot, whatever its life.
func (s *state) remaining() time.Duration {
	if s.stuck != nil {
		return 0
	}
	return max(time.Until(s.token.Expires), 0)
}

// examineIn returns how long it is until a dead token is examined again.
func (s *state) examineIn(now time.Time) time.Duration {
	return max(later(s.failedAt, s.examined).Add(examineEvery).Sub(now), 0)
}

// reexamine starts a flight that examines the dead token of s, unless the state has
// moved on.
func (k *Keeper) reexamine(s *state) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state.Load() == s && s.flight == nil && !k.stopped {
		f := k.launch(s, s.value)
		f.examines = true
		k.options.Queue.Add(func() { k.run(f) })
	}
}

// examine ends f, which finds out whether WeChat honours the token, or does so again.
func (k *Keeper) examine(f *flight) {
	look := k.probe
	if k.state.Load().stuck != nil { // the next look comes soon
		look = func(f *flight) Verdict { return k.opinion(f, f.refused) }
	}
	verdict := look(f)
	before, after := k.end(f, func(s *state) *state {
		next, now := s.abandoned(), time.Now()
		if !s.token.Value.Equal(f.refused.Reveal()) {
			return next // another process has brought another one
		}
		next.examined = now
		switch {
		case verdict == Alive:
			return next.confirmed(now, k.options)
		case verdict == Dead && s.stuck == nil:
			return next.resting(now, k.options)
		}
		return next
	})
	f.later(func() {
		if after.stuck == nil {
			k.reportConfirmed(before)
		} else if before.stuck == nil {
			k.reportResting(after)
		}
	})
}
