package token

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// fetchTimeout is how long WeChat may take to answer one fetch.
const fetchTimeout = 10 * time.Second

// errUnusable is a fetch's success without a token that is valid.
const errUnusable = badAnswer("the token in WeChat's answer has expired")

// A flight is one fetch under way. There is at most one per Keeper.
type flight struct {
	refused Secret        // the token whose rejection started it, or empty
	done    chan struct{} // closed when its outcome is the Keeper's state
}

// await reports whether f ended before wait was over.
func (f *flight) await(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-f.done:
		return true
	case <-timer.C:
		return false
	}
}

// refresh starts a flight in the background, unless the state has moved on
// since s was read.
func (k *Keeper) refresh(s *state) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state.Load() == s && s.flight == nil && !k.stopped {
		k.launch(s, "")
	}
}

// launch starts a flight from s, which has none. The caller holds k.mu.
func (k *Keeper) launch(s *state, refused string) *flight {
	f := &flight{refused: NewSecret(refused), done: make(chan struct{})}
	next := *s
	next.flight = f
	k.state.Store(&next)
	k.flights.Go(func() { k.fly(f) })
	return f
}

// fly brings f to its end: the first one with the store's token if that is
// good, every other with WeChat's answer.
func (k *Keeper) fly(f *flight) {
	if t, ok := k.load(); ok {
		k.land(f, func(s *state) *state { return s.loaded(t, k.options) })
		k.log.Info("token loaded", "expires_in", timeUntil(t.Expires))
		return
	}
	t, err := k.ask()
	switch {
	case err == nil:
		before, after := k.land(f, func(s *state) *state {
			k.unsaved = t
			return s.fetched(t, f.refused, k.options)
		})
		k.reportSuccess(f, before, after)
		k.save()
	case k.ctx.Err() != nil:
		k.land(f, (*state).abandoned)
	default:
		before, after := k.land(f, func(s *state) *state { return s.failed(err) })
		k.reportFailure(f, before, after)
	}
}

// ask fetches a token within the Keeper's own time. A panic is an error.
func (k *Keeper) ask() (t Token, err error) {
	ctx, cancel := context.WithTimeout(k.ctx, fetchTimeout)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			t, err = Token{}, panicked(cause)
		}
	}()
	t, err = k.options.Fetch(ctx)
	if err == nil && !t.validAt(time.Now()) {
		return Token{}, errUnusable
	}
	return t, err
}

// panicked returns what may be told of a panic: what the runtime says, but of
// any other value, which could hold a secret, only the type.
func panicked(cause any) error {
	if err, ok := cause.(runtime.Error); ok {
		return fmt.Errorf("asking WeChat for a token: panic: %w", err)
	}
	return fmt.Errorf("asking WeChat for a token: panic with a %T", cause)
}

// land ends f: it publishes the state that after makes of the current one,
// plans the next flight and releases the waiters. It calls after under k.mu.
func (k *Keeper) land(f *flight, after func(*state) *state) (from, to *state) {
	k.mu.Lock()
	defer k.mu.Unlock()
	from = k.state.Load()
	to = after(from)
	k.state.Store(to)
	if k.timer != nil {
		k.timer.Stop()
	}
	if !k.stopped {
		k.timer = time.AfterFunc(time.Until(to.next), func() { k.refresh(to) })
	}
	close(f.done)
	return from, to
}

// load returns the store's token, once, if it has a good one.
func (k *Keeper) load() (Token, bool) {
	if k.loaded {
		return Token{}, false
	}
	k.loaded = true
	t, err := k.options.Store.Load(k.options.AppID)
	if err != nil && !errors.Is(err, ErrNotStored) {
		k.log.Warn("stored token ignored", "err", err)
	}
	return t, err == nil && t.validAt(time.Now())
}

// save hands the newest token to the store. While an earlier call is still at
// it, that one does so, so that no older token is written over a newer one.
func (k *Keeper) save() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.saving {
		return
	}
	k.saving = true
	for !k.unsaved.Value.Empty() {
		t := k.unsaved
		k.unsaved = Token{}
		k.mu.Unlock()
		if err := k.options.Store.Save(k.options.AppID, t); err != nil {
			k.log.Warn("token not stored", "err", err)
		}
		k.mu.Lock()
	}
	k.saving = false
}
