package main

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"
)

const (
	// logWaiting is how many bytes of lines wait at most while others are being
	// written, of which there are at most as many.
	logWaiting = 512 << 10

	// logAtOnce is how many bytes of whole lines one write may have: a pipe takes
	// so many without another process's lines between them.
	logAtOnce = 4 << 10

	// logFlush is how long the end of the process waits for the log.
	logFlush = 500 * time.Millisecond

	// logPause is how long the writer waits for a descriptor that takes nothing at
	// the moment and cannot be waited for.
	logPause = 10 * time.Millisecond

	// logKept is how large a buffer is kept for later lines.
	logKept = 64 << 10
)

// A logQueue takes lines for a standard error that nobody may read: whoever
// writes a line never waits. One goroutine passes the lines on in their order;
// those that it cannot be rid of fast enough are dropped and counted.
type logQueue struct {
	out  io.Writer
	wake chan struct{} // of capacity 1: there are lines
	done chan struct{} // closed when all is written after the end

	mu      sync.Mutex // guards what follows and is not held during I/O
	waiting []byte     // whole lines
	ended   bool
	dropped uint64             // lines, since the start
	told    uint64             // of them
	report  func(lines uint64) // says in the log how many were dropped; nil: nothing does
}

// newLogQueue returns a queue that writes to out until it ends.
func newLogQueue(out io.Writer) *logQueue {
	q := &logQueue{out: out, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go q.run()
	return q
}

// Write takes a line, or some, and never fails: nobody could do anything about it.
func (q *logQueue) Write(line []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended || len(q.waiting) > 0 && len(q.waiting)+len(line) > logWaiting {
		q.dropped += linesIn(line)
		return len(line), nil
	}
	q.waiting = append(q.waiting, line...)
	q.signal()
	return len(line), nil
}

// signal has the writer look, now or when it has written what it has.
func (q *logQueue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// end takes no more lines, and waits a moment until those that it has are written.
func (q *logQueue) end(wait time.Duration) {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.signal()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-q.done:
	case <-timer.C:
	}
}

// tellDrops has report called, from now on, with how many lines were dropped when
// there is room for lines again.
func (q *logQueue) tellDrops(report func(lines uint64)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.report = report
}

// lost returns how many lines were dropped since the start.
func (q *logQueue) lost() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

func (q *logQueue) run() {
	defer close(q.done)
	var spare []byte
	works := true
	for {
		lines, more := q.take(spare)
		switch {
		case len(lines) > 0:
			if works { // or there would be one more line to drop, for ever
				q.tell()
			}
			works = q.writeAll(lines)
		case more:
			<-q.wake
		default:
			return
		}
		if spare = lines; cap(spare) > logKept {
			spare = nil
		}
	}
}

// take returns the lines that wait, and puts an empty buffer in their place. It
// reports whether more may come.
func (q *logQueue) take(spare []byte) (lines []byte, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines, q.waiting = q.waiting, spare[:0]
	return lines, !q.ended
}

// tell says how many lines were dropped, behind those that were waiting then.
func (q *logQueue) tell() {
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

// writeAll writes lines, some at a time. Those that fail are dropped: a standard
// error that was closed, or a disk that is full, ends nothing. It reports whether
// the last ones were written.
func (q *logQueue) writeAll(lines []byte) (works bool) {
	for len(lines) > 0 {
		some := lines[:wholeLines(lines)]
		n, err := q.out.Write(some)
		lines, works = lines[n:], err == nil
		switch {
		case errors.Is(err, syscall.EAGAIN):
			time.Sleep(logPause)
		case err != nil:
			q.drop(linesIn(some[n:]))
			lines = lines[len(some)-n:]
		}
	}
	return works
}

func (q *logQueue) drop(lines uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped += lines
}

// wholeLines returns the length of the lines at the beginning of text that go out
// at once, which is at least one.
func wholeLines(text []byte) int {
	if len(text) <= logAtOnce {
		return len(text)
	}
	if last := bytes.LastIndexByte(text[:logAtOnce], '\n'); last >= 0 {
		return last + 1
	}
	if first := bytes.IndexByte(text, '\n'); first >= 0 {
		return first + 1
	}
	return len(text)
}

// linesIn returns how many lines text has, one that is not complete included.
func linesIn(text []byte) uint64 {
	n := uint64(bytes.Count(text, []byte{'\n'}))
	if len(text) > 0 && text[len(text)-1] != '\n' {
		n++
	}
	return n
}
