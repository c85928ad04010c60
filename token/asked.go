package token

import (
	"cmp"
	"errors"
	"time"
)

// Refresh asks WeChat for a token because an operator or a program wants that, and
// waits for it, at most so long. If failed is not empty, it is a token that a program
// was refused with: then WeChat is asked only if that is the current one, as
// [Keeper.Replace] does. A classic token younger than 30 s, which a fetch ends, is
// fetched again only if something is wrong, or it was fetched with another AppSecret as
// far as is known. The back-off does not count, so that operators see at once whether a
// repair helped; two seconds between two such fetches do. It reports whether WeChat
// was asked: only then does that there is no error say that the AppSecret is right. The
// error is an [*Unavailable] or a [*Timeout].
func (k *Keeper) Refresh(failed string, wait time.Duration) (asked bool, err error) {
	began := time.Now()
	if failed != "" {
		_, err := k.Replace(failed, wait)
		return !k.state.Load().sentAt.Before(began), err
	}
	for more := true; more; {
		f, err := k.begin(k.mayHaveAnotherSecret())
		if f == nil {
			return false, err
		}
		if !f.hasBegun() {
			go k.run(f)
		}
		if !f.await(wait - time.Since(began)) {
			return false, k.timeout(wait)
		}
		asked = f.reached && (f.byHand || !f.sent.Before(began))
		more = !asked && !f.byHand // what was under way may have had another AppSecret
	}
	if s := k.state.Load(); s.err != nil || s.stuck != nil {
		return asked, k.unavailable(cmp.Or(s.err, s.stuck), max(time.Until(s.next), 0))
	}
	return asked, nil
}

// mayHaveAnotherSecret reports whether the AppSecret is another one than the present
// token was fetched with, or that is not known. It may read a file, and does so only
// if that counts.
func (k *Keeper) mayHaveAnotherSecret() bool {
	s := k.state.Load()
	if !k.options.Kind.rotates() || !recently(s.fetchedAt, time.Now()) || k.options.SecretChanged == nil {
		return false
	}
	return s.others || k.options.SecretChanged()
}

// Retry has WeChat asked again in the background if the last fetch failed, the token is
// dead or the AppSecret was refused: somebody may have repaired something.
func (k *Keeper) Retry() {
	s := k.state.Load()
	if s.err == nil && s.stuck == nil && (s.denied == nil || k.options.Kind.rotates()) {
		return
	}
	if f, err := k.begin(false); err == nil && f != nil {
		k.options.Queue.Add(func() { k.run(f) })
	}
}

// askedPause is how far apart two fetches are that somebody outside asks for in spite
// of what the last one ended with.
const askedPause = 2 * time.Second

// begin returns the flight under way, or one that it launches; nil if WeChat is
// not to be asked now, and if something is wrong, why. changed says that the AppSecret
// may be another one.
func (k *Keeper) begin(changed bool) (*flight, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, now := k.state.Load(), time.Now()
	if f, err := k.underWay(s); f != nil || err != nil {
		return f, err
	}
	wait, problem := s.askedAt.Add(askedPause).Sub(now), s.problem(now, k.options)
	switch {
	case s.isGood(now) && (wait > 0 || k.options.Kind.rotates() && recently(s.fetchedAt, now) && !changed):
		return nil, nil
	case s.spent.isOverBudget(now, k.options):
		return nil, k.unavailable(ErrManyFetches, k.options.Issuer.Pacing.FetchPause)
	case k.options.Kind.rotates() && errors.Is(s.stuck, ErrResting):
		return nil, k.unavailable(s.stuck, max(s.next.Sub(now), 0))
	}
	if wait > 0 && problem != nil {
		return nil, k.unavailable(problem, wait)
	}
	next := *s
	next.askedAt = now
	f := k.launch(&next, s.deadValue())
	f.asked, f.byHand = true, true
	return f, nil
}

// isGood reports whether there is a token, and nothing wrong with it or the AppSecret.
func (s *state) isGood(now time.Time) bool {
	return s.token.ValidAt(now) && s.err == nil && s.stuck == nil && s.denied == nil
}

// underWay returns the flight of s, nil if there is none, or why none may begin any
// more. The caller holds k.mu.
func (k *Keeper) underWay(s *state) (*flight, error) {
	if k.stopped {
		return nil, k.unavailable(ErrStopped, 0)
	}
	return s.flight, nil
}

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
			return k.timeout(wait)
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
	if f, err := k.underWay(s); f != nil || err != nil {
		return f, err
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

// decideByForce makes WeChat replace the token, unless what other processes know
// forbids that.
func (k *Keeper) decideByForce(f *flight) outcome {
	if k.isOvertaken(f) {
		return outcome{overtaken: true}
	}
	now := time.Now()
	if limit := k.limit(k.state.Load(), now); limit != nil {
		f.why = limit
		return outcome{overtaken: true}
	}
	var fetch Fetch
	k.spend(func(s *Spent) { fetch = k.options.Kind.force(&k.options, s, now) })
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
	limit, limited := f.why.(*Limit) //nolint:errorlint // decideByForce put it there as it is
	switch {
	case !s.token.Value.Empty() && !s.token.Value.Equal(f.leaked.Reveal()):
		return nil // be it by another process
	case limited:
		return limit
	case f.why != nil:
		return k.unavailable(f.why, max(time.Until(s.next), 0))
	}
	return &Limit{Account: k.options.name(), Retry: standing,
		Reason: "WeChat repeated it: it allows one forced refresh in 30 s and 20 a day, and another program may have used them"}
}
