package token

import (
	"cmp"
	"time"
)

// Refresh asks WeChat for a token because somebody outside wants it, and waits
// for that, at most so long. If failed is not empty, it is a token that a program
// was refused with: then WeChat is asked only if that is the current one, as
// [Keeper.Replace] does. A token that was fetched less than 30 s ago is not
// fetched again. Whoever has just repaired something is not kept waiting by the
// back-off, but for the three seconds after a failure. The error is an [*Unavailable] or a [*Timeout].
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
		return &Unavailable{Account: k.options.Name, Cause: cmp.Or(s.err, s.stuck), Retry: max(time.Until(s.next), 0)}
	}
	return nil
}

// begin returns the flight under way, or one that it launches; nil if WeChat is
// not to be asked now, and unless the token is young, why.
func (k *Keeper) begin() (*flight, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s, now := k.state.Load(), time.Now()
	switch {
	case k.stopped:
		return nil, &Unavailable{Account: k.options.Name, Cause: errStopped}
	case s.flight != nil:
		return s.flight, nil
	case s.token.validAt(now) && s.stuck == nil && recently(s.fetchedAt, now):
		return nil, nil
	case s.spent.isFrugal(now, k.options):
		return nil, &Unavailable{Account: k.options.Name, Cause: errFrugal, Retry: frugalPause}
	}
	if wait := s.failedAt.Add(eager).Sub(now); s.err != nil && wait > 0 {
		return nil, &Unavailable{Account: k.options.Name, Cause: s.err, Retry: wait}
	}
	f := k.launch(s, s.suspect())
	f.asked = true
	return f, nil
}
