package inbox

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Add implements [Store].
func (l *local) Add(_ context.Context, p *Push) error {
	record, err := Encode(p, l.seal.Load())
	if err != nil {
		return err
	}
	hash := hashOf(Queue(p.Account, p.Forward))
	i, err := l.reserve(int64(len(record)))
	if err != nil {
		return err
	}
	err = l.shelf.put(i.name(hash), record)
	l.mu.Lock()
	delete(l.adding, i.seq)
	if err == nil {
		q := l.queueOf(hash)
		q.account = p.Account
		l.insert(q, i)
	} else {
		l.bytes -= int64(i.size)
	}
	l.mu.Unlock()
	if err != nil {
		l.unable.Note(func(count int) {
			l.log.Error("pushes cannot be stored, and WeChat is told to keep them", "err", err, "count", count,
				"remedy", "have the folder of token.store belong to the user who runs wxproxy, and have room")
		})
		return err
	}
	l.tellOwner()
	return nil
}

// reserve makes room for a record, for which failed pushes have to go, the oldest first.
func (l *local) reserve(size int64) (item, error) {
	l.mu.Lock()
	if l.bytes-l.wasted+size > l.max {
		l.mu.Unlock()
		return item{}, ErrFull
	}
	gone := 0
	for l.bytes+size > l.max && gone < len(l.failed) {
		l.bytes -= int64(l.failed[gone].size)
		l.wasted -= int64(l.failed[gone].size)
		gone++
	}
	i := item{seq: l.nextSeq(time.Now()), size: int32(size)}
	l.adding[i.seq] = true
	l.bytes += size
	dropped := l.cut(gone)
	l.mu.Unlock()
	l.discard(dropped)
	return i, nil
}

// cut takes the oldest failed ones out of the list, which the caller has counted out. The
// caller holds l.mu.
func (l *local) cut(count int) []failedItem {
	gone := l.failed[:count:count]
	l.failed = l.failed[count:]
	l.dropped += uint64(count)
	return gone
}

// discard removes failed records that had to make room, and says so.
func (l *local) discard(gone []failedItem) {
	if len(gone) == 0 {
		return
	}
	for i := range gone {
		_ = l.shelf.remove(failedFolder + gone[i].name(gone[i].hash)) // or it is found at the next start
	}
	l.replaced.Note(func(int) {
		l.mu.Lock()
		dropped := l.dropped
		l.mu.Unlock()
		l.log.Warn("pushes that could not be delivered were removed to make room", "since_start", dropped,
			"remedy", "retry or export them in time, or raise push.inbox_max")
	})
}

// insert puts an item that is in no queue into its own, in order. The caller holds l.mu.
func (l *local) insert(q *queue, i item) {
	at, _ := slices.BinarySearchFunc(q.items, i.seq, bySeq)
	q.items = slices.Insert(q.items, at, i)
	if q.turn == idle {
		q.turn = due
		l.fresh = append(l.fresh, q)
	}
}

func bySeq(i item, seq uint64) int { return cmp.Compare(i.seq, seq) }

// place returns where an item is; no queue if it is nowhere. The caller holds l.mu.
func (l *local) place(hash string, seq uint64) (q *queue, at int) {
	if q = l.queues[hash]; q == nil {
		return nil, 0
	}
	at, found := slices.BinarySearchFunc(q.items, seq, bySeq)
	if !found {
		return nil, 0
	}
	return q, at
}

// takeOut takes an item out of its queue, and reports whether it was there. The caller
// holds l.mu.
func (l *local) takeOut(hash string, seq uint64) (i item, ok bool) {
	q, at := l.place(hash, seq)
	if q == nil {
		return i, false
	}
	i = q.items[at]
	if at == 0 {
		q.items = q.items[1:]
	} else {
		q.items = slices.Delete(q.items, at, at+1)
	}
	if len(q.items) == 0 {
		q.items = nil // or it would keep its largest size
	}
	l.bytes -= int64(i.size)
	if l.gone != nil {
		l.gone[seq] = true
	}
	return i, true
}
