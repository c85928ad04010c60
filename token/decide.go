package token

import (
	"context"
	"errors"
	"time"

	"wxproxy/internal/secret"
)

// An outcome is what WeChat had to say in one flight.
type outcome struct {
	token     Token
	err       error   // why there is none
	verdict   Verdict // on the refused token, if that is still the current one
	stuck     error   // why a dead token cannot be replaced
	forced    bool    // the token was made by force
	overtaken bool    // another process did meanwhile what was to be done
	young     bool    // the token is refused, and so new that this says little
	doubts    bool    // a refusal of the token started the flight

	asked time.Time // when the token was asked for
}

// decide finds the token to use from now on. A token that was refused is not
// taken for dead on a single API's word: WeChat is known to answer 40001 where
// an account may not use an API, and for no reason at all. See
// https://developers.weixin.qq.com/community/develop/doc/00000cc99fc0a861341c2d9aa5b800
func (k *Keeper) decide(f *flight) outcome {
	if f.forces {
		return k.decideByForce(f)
	}
	if !f.refused.Empty() {
		return k.options.Kind.replace(k, f)
	}
	return k.fetch(f)
}

// fetch asks for a token, unless another process has replaced the one that f is about.
func (k *Keeper) fetch(f *flight) outcome {
	if k.isOvertaken(f) {
		return outcome{overtaken: true}
	}
	t, err := k.ask(f, f.reason(k.state.Load()), k.options.Fetch)
	return outcome{token: t, err: err}
}

// force has WeChat replace t, which it repeats although it is dead. That is a
// fetch of its own, at most 20 times a day and 30 s apart: WeChat allows no more.
// https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken
func (k *Keeper) force(f *flight, t Token) outcome {
	if k.isOvertaken(f) {
		return outcome{overtaken: true}
	}
	stuck := outcome{token: t, verdict: Dead}
	now := time.Now()
	switch spent := k.state.Load().spent.On(now); {
	case k.options.Force == nil:
		stuck.stuck = StuckToken("there is no way to make it issue another one")
	case spent.Forced >= k.options.Issuer.Pacing.ForcedPerDay:
		stuck.stuck = StuckToken("today's forced refreshes are used up")
	case recently(spent.ForcedAt, now):
		stuck.stuck = StuckToken("the last forced refresh was less than 30 s ago")
	}
	if stuck.stuck != nil {
		return stuck
	}
	k.spend(func(s *Spent) { s.Forced, s.ForcedAt = s.Forced+1, now })
	k.save(nil)
	forced, err := k.ask(f, "forced", k.options.Force)
	switch {
	case err != nil:
		stuck.stuck = StuckToken("the forced refresh failed: " + secret.Quote(err.Error()))
		return stuck
	case t.Value.Equal(forced.Value.Reveal()):
		stuck.stuck = StuckToken("a forced refresh changed nothing: WeChat allows one in 30 s and 20 a day, and another program may have used them")
		return stuck
	}
	k.awaitEdges(f, forced)
	return outcome{token: forced, forced: true}
}

// ask fetches a token, for a reason that is counted.
func (k *Keeper) ask(f *flight, reason string, fetch Fetch) (t Token, err error) {
	f.sent = time.Now()
	defer func() {
		k.count(reason, err)
		k.noteSent(f, err)
	}()
	if panicked := f.within(func(ctx context.Context) { t, err = fetch(ctx) }); panicked != nil {
		return Token{}, panicked
	}
	if err == nil && !t.ValidAt(time.Now()) {
		return Token{}, ErrUnusable
	}
	return t, err
}

// noteSent notes that WeChat was asked, and has it counted as WeChat counts, unless f
// ended with err before that.
func (k *Keeper) noteSent(f *flight, err error) {
	if errors.Is(err, ErrNotAsked) {
		return
	}
	f.reached = true
	k.spend(func(s *Spent) { s.Fetches++ })
	k.mu.Lock()
	defer k.mu.Unlock()
	next := *k.state.Load()
	next.sentAt = f.sent
	k.setState(&next)
}

// edgePauses are how long WeChat is given before it is asked what it thinks of a
// token that it has just issued: its edges learn of one half a second later and
// more.
var edgePauses = [...]time.Duration{time.Second, 2 * time.Second}

// probe finds out what WeChat thinks of the refused token. It has to refuse it
// twice to be believed, because it may be flapping, or not know a new one yet.
func (k *Keeper) probe(f *flight) Verdict {
	if k.options.Probe == nil {
		return Unclear
	}
	young := k.state.Load().isYoung(time.Now())
	for _, pause := range edgePauses {
		if young && !f.pause(pause) {
			return Unclear
		}
		if v := k.opinion(f, f.refused); v != Dead {
			return v
		}
	}
	return Dead
}

// awaitEdges waits a moment until WeChat honours t, which it has just made for callers
// that were refused with another one and have one attempt left.
func (k *Keeper) awaitEdges(f *flight, t Token) {
	for _, pause := range edgePauses {
		if k.options.Probe == nil || k.opinion(f, t.Value) != Dead || !f.pause(pause) {
			return
		}
	}
}

// opinion returns what WeChat thinks of t.
func (k *Keeper) opinion(f *flight, t secret.Secret) (v Verdict) {
	if panicked := f.within(func(ctx context.Context) { v = k.options.Probe(ctx, t) }); panicked != nil {
		return Unclear
	}
	return v
}

// spend notes in the state what is about to be used of WeChat's quotas.
func (k *Keeper) spend(use func(*Spent)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := *k.state.Load()
	next.spent = next.spent.On(time.Now())
	use(&next.spent)
	k.setState(&next)
}
