package inbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A found is what was found on a shelf.
type found struct {
	queues   map[string][]item
	accounts map[string]string // of the queues
	failed   []failedItem
}

// read brings the index up to what is on the shelf, while pushes may be added.
func (l *local) read() error {
	l.mu.Lock()
	known := map[uint64]*queue{}
	for _, q := range l.queues {
		for _, i := range q.items {
			known[i.seq] = q
		}
	}
	l.mu.Unlock()
	f, err := l.look()
	if err != nil {
		return fmt.Errorf("reading the folder of waiting pushes: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.join(f)
	for _, items := range f.queues {
		for _, i := range items {
			delete(known, i.seq)
		}
	}
	for seq, q := range known { // another process has delivered it
		l.takeOut(q.hash, seq)
	}
	return nil
}

// join puts what was found into the index. The caller holds l.mu.
func (l *local) join(f found) {
	for _, hash := range slices.Sorted(maps.Keys(f.queues)) {
		q := l.queueOf(hash)
		if q.account == "" {
			q.account = f.accounts[hash]
		}
		for _, i := range f.queues[hash] {
			l.last = max(l.last, i.seq)
			known, at := l.place(hash, i.seq)
			switch {
			case known != nil && i.stored > q.items[at].stored:
				q.items[at].stored, q.items[at].attempts = i.stored, i.attempts
			case known == nil && !l.adding[i.seq]:
				l.insert(q, i)
				l.bytes += int64(i.size)
			}
		}
	}
	for i := range l.failed {
		l.count(&l.failed[i], -1)
	}
	l.failed = nil
	for _, one := range f.failed {
		l.keepFailed(one)
	}
}

// look reads the shelf.
func (l *local) look() (found, error) {
	f := found{queues: map[string][]item{}, accounts: map[string]string{}}
	all, err := l.shelf.list()
	if err != nil {
		return f, err
	}
	for _, one := range all {
		i, hash, failed, ok := readName(one.name)
		switch {
		case !ok: // somebody else's
		case failed:
			i.size = int32(min(one.size, maxHeader+maxContent))
			f.failed = append(f.failed, failedItem{i, hash, l.readFailure(one, i)})
		default:
			i.size = int32(min(one.size, maxHeader+maxContent))
			f.queues[hash] = append(f.queues[hash], i)
		}
	}
	for hash, items := range f.queues {
		slices.SortFunc(items, func(a, b item) int { return bySeq(a, b.seq) })
		for _, i := range items {
			if h, _, ok := l.peek(i.name(hash)); ok {
				f.accounts[hash] = h.Account
				break
			}
		}
	}
	return f, nil
}

// peek returns the header of a record and where the content ends.
func (l *local) peek(name string) (h header, end int64, ok bool) {
	const most = maxLine + maxHeader
	begin, err := l.shelf.part(name, 0, most)
	if err != nil {
		return h, 0, false
	}
	head, content, _, rest, ok := readLine(begin)
	if !ok || len(rest) < head || json.Unmarshal(rest[:head], &h) != nil {
		return h, 0, false
	}
	return h, int64(bytes.IndexByte(begin, '\n') + 1 + head + content), true
}

// readFailure returns what the record of a failed one tells, with the file's time where it
// tells none.
func (l *local) readFailure(one listed, i item) Failure {
	f := Failure{At: one.changed, Attempts: int(i.attempts), Received: i.at()}
	h, end, ok := l.peek(one.name)
	if !ok {
		f.LastError = ErrDamaged.Error()
		return f
	}
	p := Push{Forward: h.Forward}
	f.ID, f.Account, f.Forward, f.Type, f.Received = h.ID, h.Account, p.Title(), h.Type, h.Received
	rest, err := l.shelf.part(one.name, end, maxHeader)
	if e := readEnding(rest); err == nil && !e.At.IsZero() {
		f.At, f.LastError = e.At, e.LastError
	}
	if f.At.After(time.Now()) {
		f.At = time.Now() // or it would be kept for longer
	}
	return f
}
