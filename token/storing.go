package token

import (
	"errors"
	"time"
)

// lastSave is how long the Keeper's end waits for it.
const lastSave = 3 * time.Second

// save hands what the state holds to the store, in the background and not before
// the store has told what it had. While that takes its time, the newest waits.
// It calls release, if there is one, when the store has it.
func (k *Keeper) save(release func()) {
	if k.options.Store == nil {
		return // without one there are no leases
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
	r := k.pending
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
		report := k.handOver(now)
		for _, release := range leases {
			release()
		}
		report() // at last, because a log may block
	}
}

// handOver hands r to the store. Others are not told of failures that may be this
// machine's alone. What it returns logs what came of it.
func (k *Keeper) handOver(r Record) (report func()) {
	shared := k.options.Shared != nil
	if s := k.state.Load(); shared && s.err != nil && r.Notice.Refusal == nil {
		return func() {}
	}
	var stored Record
	err := guarded(func() (err error) {
		stored, err = k.options.Store.Save(k.options.key(), r)
		return err
	})
	failed := k.noteSave(err)
	if shared && err == nil {
		return k.mergeSaved(r, stored)
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
	r := Record{s.token, Durable{Spent: s.spent, Until: now.Add(untilBeijingMidnight(now) + standing)}, s.notice(now, k.options)}
	if k.pending == nil {
		return r
	}
	r.Spent = s.spent.plus(k.pending.Spent, now)
	if !s.token.ValidAt(now) && k.pending.Token.ValidAt(now) {
		r.Token = k.pending.Token
	}
	return r
}

// reportSave says once that the store takes nothing, and once that it does again.
func (k *Keeper) reportSave(failed bool, err error) {
	switch {
	case errors.Is(err, ErrNewer), k.options.Shared != nil && (err == nil || errors.Is(err, ErrAway)):
		// the store itself says that
	case err != nil && !failed && k.state.Load().err != nil: // there is no new token
		k.logger().Warn("nothing is stored; the token from before is served as long as it lives", "err", err)
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
