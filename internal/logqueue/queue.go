// Package logqueue passes lines on to an output whose reader may be slow or gone,
// without making their writers wait.
package logqueue

import (
	"errors"
	"io"
	"sync"
	"syscall"
	"time"
)

const (
	// maxWaiting is how many bytes of lines wait at most. As many may be being written.
	maxWaiting = 512 << 10

	// atOnce is how many bytes of whole lines one write may have. A pipe takes so many
	// without the lines of another process between them.
	atOnce = 4 << 10

	// FlushTime is how long the end of the process waits for the log.
	FlushTime = 500 * time.Millisecond

	// pause is how long the writer waits for a non-blocking descriptor that is full.
	pause = 10 * time.Millisecond

	// maxKept is the size up to which a buffer is kept for later lines.
	maxKept = 64 << 10
)

// A Queue takes lines for a standard error that may have no reader: writing a line
// never waits. One goroutine passes the lines on in their order; lines that the reader
// does not take fast enough are dropped and counted.
type Queue struct {
	out  io.Writer
	wake chan struct{} // of capacity 1: there are lines
	done chan struct{} // closed when all is written after the end
	late *time.Timer   // wakes the writer for lines that may wait

	mu      sync.Mutex // guards what follows and is not held during I/O
	waiting []byte     // whole lines
	ended   bool
	dropped uint64             // how many lines were dropped since the start
	told    uint64             // how many of these were reported
	report  func(lines uint64) // writes to the log how many lines were dropped; nil: nothing is written
}

// New returns a queue that writes to out until it ends.
func New(out io.Writer) *Queue {
	q := &Queue{out: out, wake: make(chan struct{}, 1), done: make(chan struct{})}
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
	if q.ended || len(q.waiting) > 0 && len(q.waiting)+len(lines) > maxWaiting {
		q.dropped += linesIn(lines)
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

// End takes no more lines, and waits at most so long until the last ones are written.
func (q *Queue) End(wait time.Duration) {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.late.Stop()
	q.signal()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-q.done:
	case <-timer.C:
	}
}

// TellDrops has report called from now on, when there is room for lines again, with
// the number of lines that were dropped.
func (q *Queue) TellDrops(report func(lines uint64)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.report = report
}

// Lost returns how many lines were dropped since the start.
func (q *Queue) Lost() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

func (q *Queue) run() {
	defer close(q.done)
	var spare []byte
	works := true
	for {
		lines, more := q.take(spare)
		switch {
		case len(lines) > 0:
			if works { // otherwise the report itself would be dropped, and reported, for ever
				q.tell()
			}
			works = q.writeAll(lines)
		case more:
			<-q.wake
		default:
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

// tell reports how many lines were dropped, behind the lines that were waiting then.
func (q *Queue) tell() {
	q.mu.Lock()
	n, report := q.dropped-q.told, q.report
	if report != nil {
		q.told = q.dropped
	}
	q.mu.Unlock()
	if n > 0 && report != nil {
		report(n)
	}
}

// writeAll writes lines, some at a time, and reports whether the last ones were
// written. Lines whose write fails are dropped, so that a closed standard error or a
// full disk ends nothing.
func (q *Queue) writeAll(lines []byte) (works bool) {
	for len(lines) > 0 {
		some := lines[:wholeLines(lines)]
		n, err := q.out.Write(some)
		lines, works = lines[n:], err == nil
		switch {
		case errors.Is(err, syscall.EAGAIN):
			time.Sleep(pause)
		case err != nil:
			q.mu.Lock()
			q.dropped += linesIn(some[n:])
			q.mu.Unlock()
			lines = lines[len(some)-n:]
		}
	}
	return works
}
