package inbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A found is what was found on a shelf.
type found struct {
	queues map[string][]item // in order
	failed []failedItem      // whose records are not read yet
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
	accounts := l.accountsOf(f)
	for n := range f.failed {
		l.readFailure(&f.failed[n])
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.join(f, accounts)
	for i := range l.failed {
		l.count(&l.failed[i], -1)
	}
	l.failed = nil
	for _, one := range f.failed {
		l.keepFailed(one)
	}
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

// join puts what waits into the index. The caller holds l.mu.
func (l *local) join(f found, accounts map[string]string) {
	for _, hash := range slices.Sorted(maps.Keys(f.queues)) {
		for _, i := range f.queues[hash] {
			l.last = max(l.last, i.seq)
			q, at := l.place(hash, i.seq)
			switch {
			case q != nil && i.stored > q.items[at].stored:
				q.items[at].stored, q.items[at].attempts = i.stored, i.attempts
			case q == nil && !l.adding[i.seq]:
				q = l.queueOf(hash)
				q.account = cmp.Or(q.account, accounts[hash])
				l.insert(q, i)
				l.bytes += int64(i.size)
			}
		}
	}
}

// look lists the shelf.
func (l *local) look() (f found, err error) {
	all, err := l.shelf.list()
	f.queues = map[string][]item{}
	for _, one := range all {
		i, hash, failed, ok := readName(one.name)
		i.size = int32(min(one.size, maxHeader+maxContent))
		switch {
		case !ok: // somebody else's
		case failed:
			f.failed = append(f.failed, failedItem{i, hash, Failure{At: one.changed}})
		default:
			f.queues[hash] = append(f.queues[hash], i)
		}
	}
	for _, items := range f.queues {
		slices.SortFunc(items, func(a, b item) int { return bySeq(a, b.seq) })
	}
	return f, err
}

// accountsOf reads whose the queues are that were found.
func (l *local) accountsOf(f found) map[string]string {
	accounts := map[string]string{}
	for hash, items := range f.queues {
		for _, i := range items {
			if h, _, ok := l.peek(i.name(hash)); ok {
				accounts[hash] = h.Account
				break
			}
		}
	}
	return accounts
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

// readFailure reads what the record of a failed one tells. Where it tells no time, that of
// the file stays.
func (l *local) readFailure(f *failedItem) {
	f.Attempts, f.Received = int(f.attempts), f.at()
	name := failedFolder + f.name(f.hash)
	h, end, ok := l.peek(name)
	if !ok {
		f.LastError = ErrDamaged.Error()
		return
	}
	p := Push{Forward: h.Forward}
	f.ID, f.Account, f.Forward, f.Type, f.Received = h.ID, h.Account, p.Title(), h.Type, h.Received
	rest, err := l.shelf.part(name, end, maxHeader)
	if e := readEnding(rest); err == nil && !e.At.IsZero() {
		f.At, f.LastError = e.At, e.LastError
	}
	if f.At.After(time.Now()) {
		f.At = time.Now() // or it would be kept for longer
	}
}
