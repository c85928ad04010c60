package logqueue

import (
	"bytes"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// pause is how long the writer waits for a non-blocking descriptor that is full.
	pause = 10 * time.Millisecond

	// retryAfter is how long it waits after an error that may pass, as that of a full
	// disk.
	retryAfter = 100 * time.Millisecond
)

// writeAll writes lines, some at a time. What fails is tried again until the end says
// that it is enough, while further lines wait. Lines for a reader that has gone are
// dropped, so that a closed standard error ends nothing. It reports whether any byte
// was written.
func (q *Queue) writeAll(lines []byte, isEnough *atomic.Bool) (began bool) {
	if q.isCut && len(lines) > 0 { // the rest of that line was dropped
		lines = append([]byte{'\n'}, lines...)
	}
	for len(lines) > 0 && !isEnough.Load() {
		n, err := q.writeSome(lines)
		lines, began = lines[n:], began || n > 0
		switch {
		case errors.Is(err, syscall.EAGAIN):
			time.Sleep(pause)
		case hasGone(err):
			q.dropRest(lines)
			return began
		case err != nil:
			time.Sleep(retryAfter)
		}
	}
	q.dropRest(lines)
	return began
}

// writeSome writes the first of lines, and returns how many bytes were written.
func (q *Queue) writeSome(lines []byte) (int, error) {
	some := lines[:wholeLines(lines)]
	n, err := q.out.Write(some)
	if n > 0 {
		q.isCut = n < len(some) && some[n-1] != '\n'
		select {
		case q.read <- struct{}{}:
		default:
		}
	}
	if (err != nil || q.failing != nil) && !errors.Is(err, syscall.EAGAIN) {
		q.mu.Lock()
		q.failing = err
		q.mu.Unlock()
	}
	return n, err
}

// dropRest counts lines as dropped. A newline that a line lacks is none.
func (q *Queue) dropRest(lines []byte) {
	if q.isCut {
		lines = bytes.TrimPrefix(lines, []byte{'\n'})
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop(linesIn(lines))
}

// hasGone reports whether err says that nobody reads any more.
func hasGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.EBADF) || errors.Is(err, os.ErrClosed)
}
