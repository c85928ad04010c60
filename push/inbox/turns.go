package inbox

import (
	"container/heap"
	"context"
	"time"
)

// resting are the queues that have failed, as a heap: the one that is due first is first.
type resting []*queue

func (r resting) Len() int           { return len(r) }
func (r resting) Less(i, j int) bool { return r[i].due.Before(r[j].due) }
func (r resting) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *resting) Push(q any)        { *r = append(*r, q.(*queue)) }

func (r *resting) Pop() any {
	old := *r
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*r = old[:len(old)-1]
	return last
}

const (
	// seldom is how often the deliverer looks around if nothing happens.
	seldom = time.Minute

	// often is how often it looks whether another process has left the folder.
	often = 250 * time.Millisecond
)

// Wake implements [Store]. At the start nothing rests.
func (l *local) Wake(context.Context) error { return nil }

// Take implements [Store].
func (l *local) Take(_ context.Context, fresh, again int) (queues []Taken, next time.Duration, err error) {
	if ours, err := l.takeOver(); !ours || err != nil {
		return nil, often, err
	}
	l.forgetFailed(time.Now())
	l.tidy(time.Now())
	l.mu.Lock()
	defer l.mu.Unlock()
	for ; fresh > 0 && len(l.fresh) > 0; fresh-- {
		q := l.fresh[0]
		l.fresh[0], l.fresh = nil, l.fresh[1:]
		q.turn = taken
		queues = append(queues, Taken{q.hash, false})
	}
	now := time.Now()
	for ; again > 0 && len(l.again) > 0 && !l.again[0].due.After(now); again-- {
		q := heap.Pop(&l.again).(*queue)
		q.turn = taken
		queues = append(queues, Taken{q.hash, true})
	}
	if next = seldom; l.shared {
		next = lookEach
	}
	if again > 0 && len(l.again) > 0 { // else the end of a delivery is waited for
		next = min(next, l.again[0].due.Sub(now))
	}
	return queues, next, nil
}

// Release implements [Store].
func (l *local) Release(_ context.Context, hash string, failed bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queues[hash]
	if q == nil || q.turn != taken {
		return nil
	}
	switch {
	case len(q.items) == 0:
		delete(l.queues, hash)
	case failed:
		q.turn = rests
		q.failures++
		q.due = time.Now().Add(Backoff(q.failures))
		heap.Push(&l.again, q)
	default:
		q.turn = due
		l.fresh = append(l.fresh, q)
	}
	return nil
}
