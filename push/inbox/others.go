package inbox

import (
	"slices"
	"time"
)

const (
	// lookEach is how often the owner of a folder looks whether others have added pushes,
	// for which it has to read the folder.
	lookEach = time.Second

	// followEach is how often a process that is not the owner reads it, so that what was
	// delivered takes none of its room.
	followEach = 3 * time.Second

	// share is how many times as long as it took the folder is left alone after that.
	share = 10
)

// takeOver reports whether the shelf is this process's to deliver; when it becomes so,
// it is read again.
func (l *local) takeOver() (ours bool, err error) {
	if l.owned.Load() {
		l.meet()
		return true, nil
	}
	ours, err = l.shelf.own()
	if err != nil {
		return false, err
	}
	if !ours {
		l.follow()
		return false, nil
	}
	if err := l.read(); err != nil {
		return false, err
	}
	l.owned.Store(true)
	if l.standsBy {
		l.log.Info("the process that delivered the pushes in the folder has ended: this one delivers them from now on")
	}
	return true, nil
}

// follow does what a process does that is not the owner.
func (l *local) follow() {
	if !l.standsBy {
		l.standsBy = true
		l.log.Info("another process delivers the pushes in the folder of token.store, and those that this one adds: this one delivers them when that one ends")
	}
	if l.untold.Swap(false) {
		l.tellOwner()
	}
	began := time.Now()
	if began.Before(l.lookAgain) {
		return
	}
	_ = l.read() // or next time
	l.lookAgain = time.Now().Add(max(followEach, share*time.Since(began)))
}

// tellOwner tells the process that delivers of what this one has added, if that is
// another one.
func (l *local) tellOwner() {
	if !l.owned.Load() && l.shelf.tell() != nil {
		l.untold.Store(true)
	}
}

// meet takes what others have added into the index of the owner.
func (l *local) meet() {
	began := time.Now()
	if began.Before(l.lookAgain) {
		return
	}
	l.lookAgain = began.Add(lookEach)
	if !l.shelf.news() {
		return
	}
	l.mu.Lock()
	l.gone = map[uint64]bool{}
	l.mu.Unlock()
	f, err := l.look()
	l.mu.Lock()
	if err == nil {
		l.compare(f)
	}
	l.gone = nil
	l.mu.Unlock()
	if err != nil {
		_ = l.shelf.tell() // it is to be read yet
		return
	}
	accounts := l.accountsOf(f)
	l.mu.Lock()
	l.join(f, accounts)
	l.mu.Unlock()
	l.lookAgain = time.Now().Add(max(lookEach, share*time.Since(began)))
}

// compare leaves in f what others have put on the shelf, and forgets the failed ones that
// others have retried. What this process itself has done since the listing began, it knows
// better; what left its queue before that had left its place on the shelf. The caller holds
// l.mu.
func (l *local) compare(f found) {
	for hash, items := range f.queues {
		f.queues[hash] = slices.DeleteFunc(items, func(i item) bool {
			q, _ := l.place(hash, i.seq)
			return q != nil || l.adding[i.seq] || l.gone[i.seq]
		})
	}
	there := map[uint64]bool{}
	for i := range f.failed {
		there[f.failed[i].seq] = true
	}
	l.failed = slices.DeleteFunc(l.failed, func(one failedItem) bool {
		isRetried := !there[one.seq] && !l.gone[one.seq]
		if isRetried {
			l.count(&one, -1)
		}
		return isRetried
	})
}

// tidy has the shelf remove what was never finished, once a minute.
func (l *local) tidy(now time.Time) {
	if now.Before(l.tidyAgain) {
		return
	}
	l.tidyAgain = now.Add(seldom)
	l.shelf.tidy()
}
