package token

import (
	"cmp"
	"errors"
	"time"
)

// Refresh asks WeChat for a token because somebody outside wants it, and waits
// for that, at most so long. If failed is not empty, it is a token that a program
// was refused with: then WeChat is asked only if that is the current one, as
// [Keeper.Replace] does. A token that was fetched less than 30 s ago is not
// fetched again, unless something is wrong. Whoever has just repaired something is not
// kept waiting by the back-off, but for two seconds after the last who said so. The
// error is an [*Unavailable] or a [*Timeout].
func (k *Keeper) Refresh(failed string, wait time.Duration) error {
	if failed != "" {
		_, err := k.Replace(failed, wait)
		return err
	}
	f, err := k.begin()
	if f == nil {
		return err
	}
	if !f.hasBegun() {
		go k.run(f)
	}
	if !f.await(wait) {
		return &Timeout{Account: k.options.Name, Waited: wait}
	}
	if s := k.state.Load(); s.err != nil || s.stuck != nil {
		return k.unavailable(cmp.Or(s.err, s.stuck), max(time.Until(s.next), 0))
	}
	return nil
}

// Retry has WeChat asked again in the background if the last fetch failed, the token is
// dead or the AppSecret was refused: somebody may have repaired something.
func (k *Keeper) Retry() {
	s := k.state.Load()
	if s.err == nil && s.stuck == nil && (s.denied == nil || k.options.Classic) {
		return
	}
	if f, err := k.begin(); err == nil && f != nil {
		k.options.Queue.Add(func() { k.run(f) })
	}
}

// askedPause is how far apart two fetches are that somebody outside asks for in spite
// of what the last one ended with.
const askedPause = 2 * time.Second

// begin returns the flight under way, or one that it launches; nil if WeChat is
// not to be asked now, and unless the token is young, why.
func (k *Keeper) begin() (*flight, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, now := k.state.Load(), time.Now()
	switch {
	case k.stopped:
		return nil, k.unavailable(ErrStopped, 0)
	case s.flight != nil:
		return s.flight, nil
	case s.token.ValidAt(now) && s.stuck == nil && s.denied == nil && recently(s.fetchedAt, now):
		return nil, nil
	case s.spent.isFrugal(now, k.options):
		return nil, k.unavailable(ErrManyFetches, k.options.Issuer.Pacing.FetchPause)
	case k.options.Classic && errors.Is(s.stuck, ErrResting):
		return nil, k.unavailable(s.stuck, max(s.next.Sub(now), 0))
	}
	if wait := s.askedAt.Add(askedPause).Sub(now); wait > 0 && s.problem(now, k.options) != nil {
		return nil, k.unavailable(s.problem(now, k.options), wait)
	}
	next := *s
	next.askedAt = now
	f := k.launch(&next, s.suspect())
	f.asked = true
	return f, nil
}
