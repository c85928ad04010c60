package inbox

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"syscall"
	"time"
)

// Next implements [Store].
func (l *local) Next(_ context.Context, hash string) (*Entry, error) {
	for {
		i, ok := l.head(hash)
		if !ok {
			return nil, nil
		}
		e, err := l.open(hash, i)
		switch {
		case err == nil:
			return e, nil
		case isTransient(err), errors.Is(err, ErrNewer):
			l.sayNewer(i.name(hash), err)
			return nil, err
		}
		l.lose(hash, i, err)
	}
}

// isTransient reports whether err says nothing of a file itself.
func isTransient(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// sayNewer says that a record is of a later version, if that is the error.
func (l *local) sayNewer(name string, err error) {
	if errors.Is(err, ErrNewer) {
		l.newer.Note(func(int) {
			l.log.Error("pushes are waiting that a later version of wxproxy has stored: this one leaves them alone, and those behind them wait too",
				"record", name, "remedy", "run the later version again; or, if it is not to come back, delete its records")
		})
	}
}

// head returns the oldest item of a queue. If there is none, the queue is released.
func (l *local) head(hash string) (item, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[hash]
	if q == nil || len(q.items) == 0 {
		delete(l.queues, hash)
		return item{}, false
	}
	return q.items[0], true
}

// open reads an item, and counts an attempt if it can be read.
func (l *local) open(hash string, i item) (*Entry, error) {
	record, err := l.shelf.get(i.name(hash))
	if err != nil {
		return nil, err
	}
	p, err := Decode(record, l.seal.Load())
	if err != nil && !errors.Is(err, ErrClosed) {
		return nil, err
	}
	i = l.countAttempt(hash, i, 1)
	p.Attempts, p.Closed = int(i.attempts), err
	return &Entry{Push: p, Queue: hash, Key: i.name(hash), Size: int64(i.size), Waited: time.Since(i.at())}, nil
}

// Uncount implements [Store].
func (l *local) Uncount(_ context.Context, e *Entry) error {
	if i, ok := l.find(e); ok {
		e.Key = l.countAttempt(e.Queue, i, -1).name(e.Queue)
	}
	return nil
}

// countAttempt adds to the attempts of an item, and returns it as it is then. That they are
// counted outlives the process, and need not outlive the machine.
func (l *local) countAttempt(hash string, i item, added int32) item {
	before := i.name(hash)
	i.attempts += added
	counted := i
	counted.stored = i.attempts
	if l.shelf.rename(before, counted.name(hash)) == nil {
		i = counted
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if q, at := l.place(hash, i.seq); q != nil {
		q.items[at] = i
	}
	return i
}

// lose takes an item out of its queue that cannot be read. A damaged record is put aside;
// what else is wrong, as a disk or a right, may be mended: the file stays for the next start.
func (l *local) lose(hash string, i item, err error) {
	where, isLost := i.name(hash), errors.Is(err, fs.ErrNotExist)
	h, _, _ := l.peek(where) // what can be read of it
	about := Push{Account: h.Account, Forward: h.Forward}
	if errors.Is(err, ErrDamaged) {
		where, isLost = l.shelf.aside(where), true // before it leaves the index, see compare
	}
	l.mu.Lock()
	if q, _ := l.place(hash, i.seq); q != nil {
		about.Account = cmp.Or(q.account, about.Account) // the record itself may be damaged or gone
	}
	l.takeOut(hash, i.seq)
	if isLost {
		l.lost++
	}
	l.mu.Unlock()
	if !isLost {
		l.unread.Note(func(count int) {
			l.log.Error("a push that was waiting cannot be read, and is left where it is until the next start", "account", about.Account,
				"err", err, "record", where, "count", count,
				"remedy", "have the folder of token.store belong to the user who runs wxproxy, look at the disk, and start wxproxy again")
		})
		return
	}
	l.damaged.Note("", func(count int) {
		l.log.Error("a push that was waiting is lost, since its record cannot be read", "account", about.Account, "forward", about.Title(),
			"err", err, "record", where, "count", count, "remedy", LostRemedy)
	})
}

// Done implements [Store].
func (l *local) Done(_ context.Context, e *Entry) error {
	err := l.shelf.remove(e.Key) // before it leaves the index, see compare
	_, wasThere := l.remove(e)
	if wasThere && err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.unable.Note(func(count int) {
			l.log.Error("pushes that were delivered cannot be removed, and are delivered again after the next start", "err", err, "count", count)
		})
	}
	return nil
}

// find returns the item of an entry.
func (l *local) find(e *Entry) (i item, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q, at := l.place(e.Queue, seqOf(e))
	if q == nil {
		return i, false
	}
	return q.items[at], true
}

// remove takes the item of an entry out of the index.
func (l *local) remove(e *Entry) (i item, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i, ok = l.takeOut(e.Queue, seqOf(e)); ok {
		l.queues[e.Queue].failures = 0
	}
	return i, ok
}

func seqOf(e *Entry) uint64 {
	named, _, _, _ := readName(e.Key)
	return named.seq
}
