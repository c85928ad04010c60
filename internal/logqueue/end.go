package logqueue

import "time"

const (
	// FlushTime is how long the end of the process waits for a log that nobody reads.
	FlushTime = 500 * time.Millisecond

	// readTime is how long it waits for lines that are being read. The last line, about
	// those that were dropped, gets FlushTime more.
	readTime = 1500 * time.Millisecond
)

// End takes no more lines, and returns when the last ones are written, when none was
// for FlushTime, or two seconds later.
func (q *Queue) End() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.late.Stop()
	q.signal()
	defer q.isOver.Store(true)
	defer q.isEnough.Store(true)
	enough, unread := time.NewTimer(readTime), time.NewTimer(FlushTime)
	defer enough.Stop()
	defer unread.Stop()
	read := q.read
	for {
		select {
		case <-q.done:
			return
		case <-unread.C:
			return
		case <-read:
			unread.Reset(FlushTime)
		case <-enough.C:
			q.isEnough.Store(true)
			unread.Reset(FlushTime)
			read = nil
		}
	}
}
