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

// stored is what a store answered.
type stored struct {
	Record
	err error
}

// load returns the store's token if it is good and there is none yet. The first
// flight waits a moment for the store, later ones take what has come meanwhile.
func (k *Keeper) load() (Token, bool) {
	if k.hasRead == nil {
		k.stored, k.hasRead = make(chan stored, 1), make(chan struct{})
		go k.read()
		patience := time.NewTimer(storePatience)
		defer patience.Stop()
		select {
		case <-k.hasRead:
		case <-patience.C:
			k.logger().Warn("the store is slow: going on without it")
		}
	}
	select {
	case r := <-k.stored:
		return k.adopt(r)
	default:
		return Token{}, false
	}
}

func (k *Keeper) read() {
	r, err := k.options.Store.Load(k.options.AppID)
	k.stored <- stored{r, err}
	close(k.hasRead)
}

// adopt takes over what the store had.
func (k *Keeper) adopt(r stored) (Token, bool) {
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
	<-k.hasRead
	for {
		k.mu.Lock()
		s := k.state.Load()
		again := k.unsaved
		k.saving, k.unsaved = again, false
		k.mu.Unlock()
		if !again {
			return
		}
		k.reportSave(k.options.Store.Save(k.options.AppID, Record{s.token, s.spent}))
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
