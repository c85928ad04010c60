package token

import (
	"math/rand/v2"
	"time"
)

// examineEvery is how often a token that was found dead is examined again, so that
// the end of a disturbance at WeChat is noticed also when nobody calls.
const examineEvery = 15 * time.Second

// Accepted tells that WeChat honoured value in the answer to a request that began
// at sent. That ends whatever an earlier refusal of the token has led to. It costs
// next to nothing unless there was one.
func (k *Keeper) Accepted(value string, sent time.Time) {
	if k.doubted.Load() {
		k.vouch(value, sent)
	}
}

// Honours reports whether WeChat was seen to honour value within the last 30 s,
// although it was refused somewhere: in a probe, or in an answer.
func (k *Keeper) Honours(value string) bool {
	s := k.state.Load()
	return s.token.Value.Equal(value) && recently(s.honoured, time.Now())
}

// vouch notes that WeChat honours the token. An answer to a request that began
// before the token was doubted says nothing: it may have died meanwhile.
func (k *Keeper) vouch(value string, sent time.Time) {
	k.mu.Lock()
	before, now := k.state.Load(), time.Now()
	vouched := before.isDoubted() && before.token.ValidAt(now) && before.token.Value.Equal(value) && sent.After(before.failedAt)
	if vouched {
		k.publish(before.vouched(now, k.options))
	}
	k.mu.Unlock()
	if vouched {
		k.reportVouched(before)
	}
}

// isDoubted reports whether a refusal of the token has changed the state.
func (s *state) isDoubted() bool { return s.stuck != nil || !s.planned.IsZero() }

// vouched returns the state after WeChat was seen to honour the token: what its
// refusal has led to is over, and the plan is the one from before.
func (s *state) vouched(now time.Time, o Options) *state {
	next := *s
	next.stuck, next.honoured = nil, now
	next.stands = later(s.stands, now.Add(standing))
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

// deadened returns s after WeChat had no other token than one that is dead. It is
// asked again soon, and less often the longer that lasts.
func (s *state) deadened(before *state, now time.Time, o Options) *state {
	next := *s
	next.planned, next.failedAt, next.class, next.failures = s.next, now, ClassAccount, 1
	if before.stuck != nil && before.err == nil {
		next.failures = before.failures + 1
	}
	next.next = now.Round(0).Add(o.Issuer.Pacing.retryAfter(next.class, next.failures, rand.Float64()))
	return &next
}

// suspect returns the token if it is dead as far as is known, so that nothing but
// another one, or WeChat's word, ends that.
func (s *state) suspect() string {
	if s.stuck == nil {
		return ""
	}
	return s.bare
}

// rest returns how long the token can be used, as far as is known: one that is
// dead cannot, whatever its life.
func (s *state) rest() time.Duration {
	if s.stuck != nil {
		return 0
	}
	return max(time.Until(s.token.Expires), 0)
}

// isYoung reports whether the token is so new that not all of WeChat may know it.
func (s *state) isYoung(now time.Time) bool { return recently(s.since, now) }

// issuedAt returns when t was issued, for which WeChat was asked at asked: zero if that
// is not known. A stable token may be one that WeChat has repeated, which shows in what
// is left of its two hours; a classic one is made when it is asked for.
func (t Token) issuedAt(asked time.Time, o Options) time.Time {
	if o.Classic && !asked.IsZero() {
		return asked
	}
	issued, last := t.Expires.Add(time.Second-UsualLife), asked // lives are cut down to whole seconds
	if asked.IsZero() {
		last = time.Now()
	}
	if issued.After(last) {
		return last
	}
	return issued
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
		f := k.launch(s, s.bare)
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
	before, after := k.land(f, func(s *state) *state {
		next, now := s.abandoned(), time.Now()
		if !s.token.Value.Equal(f.refused.Reveal()) {
			return next // another process has brought another one
		}
		next.examined = now
		switch {
		case verdict == Alive:
			return next.vouched(now, k.options)
		case verdict == Dead && s.stuck == nil:
			return next.resting(now, k.options)
		}
		return next
	})
	f.later(func() {
		if after.stuck == nil {
			k.reportVouched(before)
		} else if before.stuck == nil {
			k.reportResting(after)
		}
	})
}

// reportVouched logs that a token which was said to be dead is not.
func (k *Keeper) reportVouched(before *state) {
	if before.stuck != nil {
		k.logger().Info("WeChat honours the token again", "expires_in", timeUntil(before.token.Expires))
	}
}
