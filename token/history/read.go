package history

import (
	"context"
	"errors"
	"slices"
	"time"

	"wxproxy/token"
)

// Of returns the events of an account, the newest first, and the error of the store that did
// not tell all of them, or not in time.
func (r *Recorder) Of(appID string) ([]Event, error) {
	if r == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answered := make(chan answer, 1)
	select {
	case r.storing <- struct{}{}:
		go func() {
			defer func() { <-r.storing }()
			answered <- r.ask(appID)
		}()
	case <-ctx.Done():
	}
	var got answer
	select {
	case got = <-answered:
	case <-ctx.Done():
		got = answer{with(nil, r.waiting(appID), time.Now()), token.ErrAway}
	}
	slices.Reverse(got.events)
	return got.events, got.err
}

// ErrUnstored is why the last events of an account may be lost with the process: the store, which
// answers, has not taken them.
var ErrUnstored = errors.New("the last events are not stored yet: the token store does not take them; wxproxy tries again by itself, and its log says why")

// isFailing reports whether the store did not take the last events.
func (r *Recorder) isFailing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failing
}

// An answer is what the store has of an account, and what waits for it.
type answer struct {
	events []Event
	err    error
}

// ask asks the store. The caller holds r.storing.
func (r *Recorder) ask(appID string) answer {
	record, err := r.store.Load(keyOf(appID))
	if errors.Is(err, token.ErrNotStored) {
		err = nil
	}
	waiting := r.waiting(appID)
	if err == nil && len(waiting) > 0 && r.isFailing() {
		err = ErrUnstored
	}
	return answer{with(read(&record), waiting, time.Now()), err}
}

// waiting returns the events of an account that the store may not have.
func (r *Recorder) waiting(appID string) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Concat(r.written[appID], r.pending[appID])
}
