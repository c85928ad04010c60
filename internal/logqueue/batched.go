package logqueue

import (
	"io"
	"time"
)

const (
	// batch is how many bytes of lines that may wait are written without waiting longer.
	batch = 16 << 10

	// batchTime is how long lines wait that may.
	batchTime = 50 * time.Millisecond
)

// Batched returns where lines are written that may wait a moment for others, so that one
// write has many. They keep their place in the order.
func (q *Queue) Batched() io.Writer { return batched{q} }

type batched struct{ q *Queue }

// Write takes whole lines, as that of the queue does.
func (b batched) Write(lines []byte) (int, error) {
	q := b.q
	q.mu.Lock()
	defer q.mu.Unlock()
	isFirst := len(q.waiting) == 0
	switch {
	case !q.add(lines):
	case len(q.waiting) >= batch:
		q.signal()
	case isFirst: // further ones find the timer running, or the writer awake
		q.late.Reset(batchTime)
	}
	return len(lines), nil
}
