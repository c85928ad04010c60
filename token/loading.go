package token

import (
	"errors"
	"time"
)

// storePatience is how long the first flight waits for the store.
const storePatience = time.Second

// A pendingLoad is the question what the store has.
type pendingLoad struct {
	Record
	err  error
	done chan struct{} // closed when the answer is there
}

// load returns what the store had if its token is good and there is none yet.
// The first flight waits a moment for the store, later ones take what has come
// meanwhile.
func (k *Keeper) load(f *flight) (Record, bool) {
	if f.ctx.Err() != nil || k.options.Store == nil {
		return Record{}, false
	}
	r := k.read(f)
	if r == nil {
		return Record{}, false
	}
	select {
	case <-r.done:
		return k.receive(r)
	default:
		return Record{}, false
	}
}

// read returns the question that was not answered or not looked at yet, if there
// is one. The first time it asks, and waits a moment.
func (k *Keeper) read(f *flight) *pendingLoad {
	k.mu.Lock()
	r, first := k.pending, !k.hasRead
	if first {
		r = &pendingLoad{done: make(chan struct{})}
		k.pending, k.hasRead = r, true
	}
	k.mu.Unlock()
	if !first {
		return r
	}
	go func() {
		defer close(r.done)
		r.err = guarded(func() (err error) {
			r.Record, err = k.options.Store.Load(k.options.key())
			return err
		})
	}()
	patience := time.NewTimer(storePatience)
	defer patience.Stop()
	select {
	case <-r.done:
	case <-f.ctx.Done():
	case <-patience.C:
		k.logger().Warn("the store is slow: going on without it")
	}
	return r
}

// key returns what the store knows the account's token, or ticket, by.
func (o *Options) key() Key { return Key{o.Platform, o.AppID, o.Kind.ticket()} }

// receive returns what the store had if that is a token to land with, and otherwise
// adds the counts in it to the state, beside the flight under way.
func (k *Keeper) receive(r *pendingLoad) (Record, bool) {
	k.reportLoad(r.err)
	now := time.Now()
	if r.Token.ValidAt(now) && !k.state.Load().token.ValidAt(now) {
		return r.Record, true
	}
	k.spend(func(s *Spent) {
		k.pending = nil
		*s = s.plus(r.Spent, now)
	})
	return Record{}, false
}

// loaded returns the state that a flight ends with which found r in the store. The
// caller holds k.mu.
func (k *Keeper) loaded(r Record, s *state) *state {
	k.pending = nil
	next := *s
	next.spent = s.spent.plus(r.Spent, time.Now())
	return next.loaded(r.Token, k.options)
}

// reportLoad says once that the store has something that is of no use, unless the store
// says so itself.
func (k *Keeper) reportLoad(err error) {
	if errors.Is(err, ErrAway) || errors.Is(err, ErrNewer) {
		return
	}
	why := ""
	if err != nil && !errors.Is(err, ErrNotStored) {
		why = err.Error()
	}
	k.mu.Lock()
	said := k.ignored == why
	k.ignored = why
	k.mu.Unlock()
	if why != "" && !said {
		k.logger().Warn("stored token ignored", "err", why)
	}
}

// hasReadAll reports whether all that the store had is in the state, and no other
// process adds to it: what was spent would count twice if it was read again.
func (k *Keeper) hasReadAll() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.hasRead && k.pending == nil && k.options.Shared == nil
}
