package history

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"wxproxy/token"
)

const (
	// tryAgain is how long the store is left alone that has not taken events.
	tryAgain = 30 * time.Second

	// patience is how long the store is waited for by who reads events, and by the Recorder's end.
	patience = 3 * time.Second

	// maxPending is how many events of an account wait for the store, and maxAccounts of how
	// many accounts.
	maxPending  = 16
	maxAccounts = 10_000
)

// A Recorder takes what accounts report, and writes it to the store in the background. A nil
// one takes nothing.
type Recorder struct {
	store   Store
	log     *slog.Logger
	process string
	wake    chan struct{} // of capacity 1
	ended   chan struct{} // closed when nothing is written any more
	end     context.CancelFunc

	// storing has an element while the store is asked. So no event is in both places or in
	// none, and a store that hangs has one goroutine of those who read.
	storing chan struct{} // of capacity 1

	mu      sync.Mutex // guards what follows and is not held during I/O
	pending map[string][]Event
	written map[string][]Event // those on their way to the store, of one account at most
	failing bool               // the store did not take the last events
}

// A Store keeps events where tokens are.
type Store interface {
	token.Store
	token.Amender
}

// New returns a Recorder that writes to store until Stop.
func New(store Store, log *slog.Logger) *Recorder {
	ctx, end := context.WithCancel(context.Background())
	process, _ := os.Hostname() // without it nobody knows which of the replicas it was
	r := &Recorder{
		store: store, log: log, process: process, pending: map[string][]Event{},
		wake: make(chan struct{}, 1), ended: make(chan struct{}), end: end, storing: make(chan struct{}, 1),
	}
	go r.run(ctx)
	return r
}

// Add takes a report of an account.
func (r *Recorder) Add(appID string, report token.Report) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting, known := r.pending[appID]
	if !known && len(r.pending) >= maxAccounts {
		return
	}
	waiting = with(waiting, []Event{eventOf(report, r.process)}, time.Now())
	r.pending[appID] = waiting[max(0, len(waiting)-maxPending):]
	r.wakeUp()
}

// Forget drops what waits of an account that is no more. Afterwards nothing of it is on its
// way to the store, which may take as long as the store does.
func (r *Recorder) Forget(appID string) {
	if r == nil {
		return
	}
	r.storing <- struct{}{}
	defer func() { <-r.storing }()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pending, appID)
}

// Stop writes what waits, if the store takes it soon.
func (r *Recorder) Stop() {
	if r == nil {
		return
	}
	r.end()
	select {
	case <-r.ended:
	case <-time.After(patience):
	}
}

// run writes what waits, until ctx ends.
func (r *Recorder) run(ctx context.Context) {
	defer close(r.ended)
	for {
		select {
		case <-r.wake:
		case <-ctx.Done():
			r.writeAll()
			return
		}
		if r.writeAll() {
			continue
		}
		again := time.NewTimer(tryAgain)
		select {
		case <-again.C:
			r.wakeUp()
		case <-ctx.Done():
		}
		again.Stop()
	}
}

func (r *Recorder) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// writeAll writes what waits, one account after the other, and reports whether the store
// took all of it. What it does not take of one account keeps back no other's, unless the store
// is away.
func (r *Recorder) writeAll() bool {
	r.mu.Lock()
	accounts := slices.Sorted(maps.Keys(r.pending))
	r.mu.Unlock()
	var failed error
	for _, appID := range accounts {
		err := r.write(appID)
		failed = cmp.Or(failed, err)
		if errors.Is(err, token.ErrAway) {
			break
		}
	}
	r.tell(failed)
	return failed == nil
}

// write adds to the events of an account in the store those that wait.
func (r *Recorder) write(appID string) error {
	r.storing <- struct{}{}
	defer func() { <-r.storing }()
	r.mu.Lock()
	waiting := r.pending[appID]
	r.written = map[string][]Event{appID: waiting}
	delete(r.pending, appID)
	r.mu.Unlock()
	var unwritten error
	_, err := r.store.Amend(keyOf(appID), func(record *token.Record) bool {
		unwritten = write(record, with(read(record), waiting, time.Now()))
		return unwritten == nil
	})
	err = errors.Join(err, unwritten)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written = nil
	if later, known := r.pending[appID]; err != nil && (known || len(r.pending) < maxAccounts) {
		waiting = with(waiting, later, time.Now())
		r.pending[appID] = waiting[max(0, len(waiting)-maxPending):]
	}
	return err
}

// tell says once that the store does not take events, and once that it does again. What is
// wrong with it the store says itself, of tokens.
func (r *Recorder) tell(err error) {
	r.mu.Lock()
	failed := r.failing
	r.failing = err != nil
	r.mu.Unlock()
	switch {
	case err != nil && !failed:
		r.log.Warn("the history of accounts is not stored; the last events wait in memory", "err", err)
	case err == nil && failed:
		r.log.Info("the history of accounts is stored again")
	}
}
