package token

import (
	"errors"
	"time"
)

const (
	// storePatience is how long the first flight waits for the store.
	storePatience = time.Second

	// lastSave is how long the Keeper's end waits for it.
	lastSave = 3 * time.Second
)

// A reading is the question what the store has.
type reading struct {
	Record
	err  error
	done chan struct{} // closed when the answer is there
}

// load returns the store's token if it is good and there is none yet. The first
// flight waits a moment for the store, later ones take what has come meanwhile.
func (k *Keeper) load() (Token, bool) {
	r := k.read()
	if r == nil {
		return Token{}, false
	}
	select {
	case <-r.done:
	default:
		return Token{}, false
	}
	k.mu.Lock()
	k.reading = nil
	k.mu.Unlock()
	return k.adopt(r)
}

// read returns the question that was not answered or not looked at yet, if there
// is one. The first time it asks, and waits a moment.
func (k *Keeper) read() *reading {
	k.mu.Lock()
	r, first := k.reading, !k.hasRead
	if first {
		r = &reading{done: make(chan struct{})}
		k.reading, k.hasRead = r, true
	}
	k.mu.Unlock()
	if !first {
		return r
	}
	go func() {
		r.Record, r.err = k.options.Store.Load(k.options.storeKey())
		close(r.done)
	}()
	patience := time.NewTimer(storePatience)
	defer patience.Stop()
	select {
	case <-r.done:
	case <-patience.C:
		k.logger().Warn("the store is slow: going on without it")
	}
	return r
}

// storeKey returns what the store knows the account's token, or ticket, by.
func (o *Options) storeKey() string {
	if o.Ticket == "" {
		return o.AppID
	}
	return o.AppID + "-ticket-" + o.Ticket
}

// adopt takes over what the store had.
func (k *Keeper) adopt(r *reading) (Token, bool) {
	if r.err != nil {
		if !errors.Is(r.err, ErrNotStored) {
			k.logger().Warn("stored token ignored", "err", r.err)
		}
		return Token{}, false
	}
	now := time.Now()
	k.spend(func(s *Spent) { *s = s.plus(r.Spent, now) })
	return r.Token, r.Token.validAt(now) && !k.state.Load().token.validAt(now)
}

// save hands what the state holds to the store, in the background and not before
// the store has told what it had. While that takes its time, the newest waits.
func (k *Keeper) save() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unsaved = true
	if !k.saving {
		k.saving = true
		k.saves.Go(k.saveAll)
	}
}

func (k *Keeper) saveAll() {
	k.mu.Lock()
	r := k.reading
	k.mu.Unlock()
	if r != nil {
		<-r.done
	}
	for {
		k.mu.Lock()
		s := k.state.Load()
		again := k.unsaved
		k.saving, k.unsaved = again, false
		k.mu.Unlock()
		if !again {
			return
		}
		k.reportSave(k.options.Store.Save(k.options.storeKey(), Record{s.token, s.spent}))
	}
}

// reportSave says once that the store takes nothing, and once that it does again.
func (k *Keeper) reportSave(err error) {
	k.mu.Lock()
	failed := k.saveErr
	k.saveErr = err != nil
	k.mu.Unlock()
	switch {
	case err != nil && !failed:
		k.logger().Warn("token not stored; it is served all the same, but a restart would fetch another", "err", err)
	case err == nil && failed:
		k.logger().Info("token stored again")
	}
}

// awaitSaves waits a moment for the store.
func (k *Keeper) awaitSaves() {
	saved := make(chan struct{})
	go func() {
		k.saves.Wait()
		close(saved)
	}()
	patience := time.NewTimer(lastSave)
	defer patience.Stop()
	select {
	case <-saved:
	case <-patience.C:
		k.logger().Warn("the store is slow: the token may not have been stored")
	}
}
