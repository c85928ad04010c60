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
		return k.adopt(r)
	default:
		return Record{}, false
	}
}

// read returns the question that was not answered or not looked at yet, if there
// is one. The first time it asks, and waits a moment.
func (k *Keeper) read(f *flight) *reading {
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
func (o *Options) key() Key { return Key{o.AppID, o.Ticket} }

// adopt takes over what the store had, unless that has a token to land with.
func (k *Keeper) adopt(r *reading) (Record, bool) {
	k.reportLoad(r.err)
	now := time.Now()
	if r.Token.validAt(now) && !k.state.Load().token.validAt(now) {
		return r.Record, true
	}
	k.spend(func(s *Spent) {
		k.reading = nil
		*s = s.plus(r.Spent, now)
	})
	return Record{}, false
}

// takeOver returns the state after the store had r. The caller holds k.mu.
func (k *Keeper) takeOver(r Record, s *state) *state {
	k.reading = nil
	next := *s
	next.spent = s.spent.plus(r.Spent, time.Now())
	return next.loaded(r.Token, k.options)
}

// save hands what the state holds to the store, in the background and not before
// the store has told what it had. While that takes its time, the newest waits.
// It calls release, if there is one, when the store has it.
func (k *Keeper) save(release func()) {
	if k.options.Store == nil {
		return // and nobody leased it
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unsaved = true
	if release != nil {
		k.leases = append(k.leases, release)
	}
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
		now := k.record(time.Now())
		again, leases := k.unsaved, k.leases
		k.saving, k.unsaved, k.leases = again, false, nil
		k.mu.Unlock()
		if !again {
			return
		}
		report := k.hand(now)
		for _, release := range leases {
			release()
		}
		report() // at last, because a log may block
	}
}

// hand hands r to the store. Others are not told of failures that may be this
// machine's alone. What it returns logs what came of it.
func (k *Keeper) hand(r Record) (report func()) {
	shared := k.options.Shared != nil
	if s := k.state.Load(); shared && s.err != nil && r.Word.Refusal == nil {
		return func() {}
	}
	var stored Record
	err := guarded(func() (err error) {
		stored, err = k.options.Store.Save(k.options.key(), r)
		return err
	})
	failed := k.noteSave(err)
	if shared && err == nil {
		return k.agree(r, stored)
	}
	return func() { k.reportSave(failed, err) }
}

// noteSave notes whether the store takes what it is handed, and returns whether it
// did not before.
func (k *Keeper) noteSave(err error) (failed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	failed, k.lost = k.lost, err != nil
	return failed
}

// record returns what is to be stored: what the state holds, and what the store
// had as long as no flight has taken that over. The caller holds k.mu.
func (k *Keeper) record(now time.Time) Record {
	s := k.state.Load()
	r := Record{s.token, s.spent, s.word(now, k.options)}
	if k.reading == nil {
		return r
	}
	r.Spent = s.spent.plus(k.reading.Spent, now)
	if !s.token.validAt(now) && k.reading.Token.validAt(now) {
		r.Token = k.reading.Token
	}
	return r
}

// reportLoad says that the store has something that is of no use.
func (k *Keeper) reportLoad(err error) {
	if err != nil && !errors.Is(err, ErrNotStored) && !errors.Is(err, ErrAway) {
		k.logger().Warn("stored token ignored", "err", err)
	}
}

// reportSave says once that the store takes nothing, and once that it does again.
func (k *Keeper) reportSave(failed bool, err error) {
	switch {
	case k.options.Shared != nil && (err == nil || errors.Is(err, ErrAway)):
		// the store itself says that
	case err != nil && !failed:
		k.logger().Warn("token not stored; it is served all the same, but a restart would fetch another", "err", err)
	case err == nil && failed:
		k.logger().Info("token stored again")
	}
}
