package inbox

import (
	"cmp"
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
	all, err := l.shelf.list()
	if err != nil {
		_ = l.shelf.tell() // it is to be read yet
		return
	}
	slices.SortFunc(all, func(a, b listed) int { return cmp.Compare(a.name, b.name) })
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range all {
		l.meetOne(one)
	}
	l.failed = slices.DeleteFunc(l.failed, func(f failedItem) bool {
		isGone := !l.shelf.has(failedFolder + f.name(f.hash)) // another process has retried it
		if isGone {
			l.count(&f, -1)
		}
		return isGone
	})
	l.lookAgain = time.Now().Add(max(lookEach, share*time.Since(began)))
}

// meetOne takes a waiting record into the index that is not there. One that was delivered
// since it was listed has no file any more: that goes first. The caller holds l.mu.
func (l *local) meetOne(one listed) {
	i, hash, failed, ok := readName(one.name)
	if !ok || failed {
		return
	}
	if q, _ := l.place(hash, i.seq); q != nil || l.adding[i.seq] || !l.shelf.has(one.name) {
		return
	}
	q := l.queueOf(hash)
	if q.account == "" {
		h, _, _ := l.peek(one.name)
		q.account = h.Account
	}
	i.size = int32(min(one.size, maxHeader+maxContent))
	l.last = max(l.last, i.seq)
	l.insert(q, i)
	l.bytes += int64(i.size)
}

// tidy has the shelf remove what was never finished, once a minute.
func (l *local) tidy(now time.Time) {
	if now.Before(l.tidyAgain) {
		return
	}
	l.tidyAgain = now.Add(seldom)
	l.shelf.tidy()
}
