package inbox

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"time"
)

// An ending is the line at the end of the record of a failed push.
type ending struct {
	At        time.Time `json:"failed_at"`
	LastError string    `json:"last_error"`
}

// GiveUp implements [Store].
func (l *local) GiveUp(_ context.Context, e *Entry) error {
	now := time.Now()
	line, err := json.Marshal(ending{now.UTC(), e.LastError})
	if err != nil {
		return err
	}
	line = append(append([]byte{'\n'}, line...), '\n')
	if l.shelf.add(e.Key, line) != nil {
		line = nil // the reason is not known after a restart
	}
	if err := l.shelf.rename(e.Key, failedFolder+e.Key); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	i, ok := l.remove(e)
	if !ok {
		return nil
	}
	i.size += int32(len(line))
	failed := failedItem{i, e.Queue, Failure{ID: e.ID, Account: e.Account, Forward: e.Title(), Type: e.Type, Received: e.Received,
		At: now, Attempts: e.Attempts, LastError: e.LastError}}
	l.mu.Lock()
	l.keepFailed(failed)
	over := max(len(l.failed)-MaxFailed, 0)
	for n := range over {
		l.count(&l.failed[n], -1)
	}
	gone := l.cut(over)
	l.mu.Unlock()
	l.discard(gone)
	return nil
}

// keepFailed adds a failed one to the list, in order. The caller holds l.mu.
func (l *local) keepFailed(f failedItem) {
	at, _ := slices.BinarySearchFunc(l.failed, f, byFailure)
	l.failed = slices.Insert(l.failed, at, f)
	l.count(&f, 1)
}

// count counts the bytes of a failed one, or with -1 no longer. The caller holds l.mu.
func (l *local) count(f *failedItem, sign int64) {
	l.bytes += sign * int64(f.size)
	l.wasted += sign * int64(f.size)
}

func byFailure(a, b failedItem) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.seq, b.seq)) }

// forgetFailed removes those whose time is over.
func (l *local) forgetFailed(now time.Time) {
	l.mu.Lock()
	over := 0
	for over < len(l.failed) && now.Sub(l.failed[over].At) > FailedLife {
		l.count(&l.failed[over], -1)
		over++
	}
	gone := l.failed[:over:over]
	l.failed = l.failed[over:]
	l.mu.Unlock()
	for i := range gone {
		_ = l.shelf.remove(failedFolder + gone[i].name(gone[i].hash)) // or after the next start
	}
}

// Failed implements [Store].
func (l *local) Failed(context.Context) ([]Failure, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Failure, 0, len(l.failed))
	for i := len(l.failed) - 1; i >= 0; i-- {
		all = append(all, l.failed[i].Failure)
	}
	return all, nil
}

// Retry implements [Store].
func (l *local) Retry(_ context.Context, id string) (bool, error) {
	l.mu.Lock()
	var chosen []failedItem
	l.failed = slices.DeleteFunc(l.failed, func(f failedItem) bool {
		if f.ID == id {
			chosen = append(chosen, f)
		}
		return f.ID == id
	})
	l.mu.Unlock()
	var problem error
	for _, f := range chosen {
		problem = errors.Join(problem, l.retry(f))
	}
	l.tellOwner()
	return len(chosen) > 0, problem
}

// retry puts a failed one at the end of its queue, or back into the list.
func (l *local) retry(f failedItem) error {
	l.mu.Lock()
	again := f.item
	again.seq = l.nextSeq(time.Now())
	l.adding[again.seq] = true
	l.mu.Unlock()
	err := l.shelf.rename(failedFolder+f.name(f.hash), again.name(f.hash))
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.adding, again.seq)
	l.count(&f, -1)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // somebody has removed it
	case err != nil:
		l.keepFailed(f)
		return err
	}
	q := l.queueOf(f.hash)
	q.account = f.Account
	l.insert(q, again)
	l.bytes += int64(f.size)
	return nil
}

// readEnding returns the last whole line at the end of a failed one's record.
func readEnding(rest []byte) (e ending) {
	for line := range bytes.Lines(rest) {
		var one ending
		if json.Unmarshal(line, &one) == nil && !one.At.IsZero() {
			e = one
		}
	}
	return e
}
