package background

import "sync"

// A Queue runs what no caller waits for, a few at a time, so that ten thousand
// accounts do not ask at once. Without work it has no goroutine. A nil Queue
// runs everything at once.
type Queue struct {
	limit int

	mu      sync.Mutex // guards what follows
	waiting []func()
	workers int
}

// NewQueue returns a Queue that runs at most limit at a time.
func NewQueue(limit int) *Queue { return &Queue{limit: limit} }

// Add has f run in the background, after those that were added before.
func (q *Queue) Add(f func()) {
	if q == nil {
		go f()
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, f)
	if q.workers < q.limit {
		q.workers++
		go q.work()
	}
}

// work runs functions until none waits.
func (q *Queue) work() {
	for f := q.next(); f != nil; f = q.next() {
		f()
	}
}

// next takes the function that has waited longest. It returns nil to have the worker
// end.
func (q *Queue) next() func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.waiting = nil // or it would keep its largest size
		q.workers--
		return nil
	}
	f := q.waiting[0]
	q.waiting[0], q.waiting = nil, q.waiting[1:]
	return f
}
