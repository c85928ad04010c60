// Package logqueue passes lines on to an output whose reader may be slow or gone,
// without making their writers wait.
package logqueue

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxWaiting is how many bytes of lines wait at most. As many may be being written.
	maxWaiting = 512 << 10

	// atOnce is how many bytes of whole lines one write may have. A pipe takes so many
	// without the lines of another process between them.
	atOnce = 4 << 10

	// maxKept is the size up to which a buffer is kept for later lines.
	maxKept = 64 << 10
)

// A Queue takes lines for a standard error that may have no reader: writing a line
// never waits. One goroutine passes the lines on in their order; lines that the reader
// does not take fast enough are dropped and counted, and so are those without a reader.
type Queue struct {
	out  io.Writer
	wake chan struct{} // of capacity 1: there are lines
	done chan struct{} // closed when all is written after the end
	read chan struct{} // of capacity 1: something was written since the end looked
	late *time.Timer   // wakes the writer for lines that may wait

	isCut    bool        // a line was written in part, and the rest of it is not; only the writer uses this
	isEnough atomic.Bool // the end waits for no more lines: what is left of them is dropped
	isOver   atomic.Bool // nor for the last one, about those that were dropped

	mu      sync.Mutex // guards what follows and is not held during I/O
	waiting []byte     // whole lines
	ended   bool
	telling bool   // the report is taken although the queue has ended
	failing error  // of the last write; set by the writer, which reads it without the lock
	dropped uint64 // how many lines were dropped since the start
	told    uint64 // how many of these were reported, or came after the end
	cause   error  // the last one that failing was when lines were dropped that are not reported

	report func(lines uint64, err error) // writes to the log how many lines were dropped; nil: nothing is written
}

// New returns a queue that writes to out until it ends.
func New(out io.Writer) *Queue {
	q := &Queue{out: out, wake: make(chan struct{}, 1), done: make(chan struct{}), read: make(chan struct{}, 1)}
	q.late = time.AfterFunc(batchTime, q.signal)
	go q.run()
	return q
}

// Out returns what the queue writes to.
func (q *Queue) Out() io.Writer { return q.out }

// Write takes whole lines and never fails: no caller could do anything about it. They
// are written at once, behind all that was waiting.
func (q *Queue) Write(lines []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.add(lines) {
		q.signal()
	}
	return len(lines), nil
}

// add has lines wait, and reports whether there was room.
func (q *Queue) add(lines []byte) bool {
	switch {
	case q.ended && !q.telling:
		n := linesIn(lines)
		q.dropped, q.told = q.dropped+n, q.told+n
		return false
	case len(q.waiting) > 0 && len(q.waiting)+len(lines) > maxWaiting:
		q.drop(linesIn(lines))
		return false
	}
	q.waiting = append(q.waiting, lines...)
	return true
}

// signal wakes the writer, which looks at once or after its present lines.
func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *Queue) run() {
	defer close(q.done)
	var spare []byte
	var told, next uint64 // how many lines are reported at the beginning of those in hand, and of those after them
	for {
		lines, more := q.take(spare)
		switch {
		case len(lines) > 0:
			told, next = next, 0
			if more && q.failing == nil { // otherwise the report itself would be dropped, and reported, for ever
				next = q.tell()
			}
			if !q.writeAll(lines, &q.isEnough) {
				q.untell(told)
			}
		case more:
			<-q.wake
		default:
			q.tellLast()
			return
		}
		if spare = lines; cap(spare) > maxKept {
			spare = nil
		}
	}
}

// take returns the lines that wait, and puts an empty buffer in their place. It
// reports whether further lines may come.
func (q *Queue) take(spare []byte) (lines []byte, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines, q.waiting = q.waiting, spare[:0]
	return lines, !q.ended
}
