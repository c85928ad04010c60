package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A stuckWriter takes nothing before it is freed.
type stuckWriter struct {
	free    chan struct{}
	written bytes.Buffer
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	<-w.free
	return w.written.Write(p)
}

func TestNobodyWaitsForALogThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuckWriter{free: make(chan struct{})}
		q := newLogQueue(out)
		q.tellDrops(func(lines uint64) { fmt.Fprintf(q, "dropped %d\n", lines) })
		line := strings.Repeat("x", 1000)
		const lines = 2000
		for i := range lines {
			fmt.Fprintf(q, "%04d %s\n", i, line)
			if i == 0 {
				synctest.Wait() // until the first is being written
			}
		}
		if q.lost() == 0 || len(q.waiting) > logWaiting {
			t.Errorf("got %d lines dropped, and %d bytes that wait; want some, and a bound", q.lost(), len(q.waiting))
		}
		close(out.free)
		synctest.Wait()
		fmt.Fprint(q, "later\n")
		q.end(time.Hour)
		kept := uint64(0)
		for got := range strings.Lines(out.written.String()) {
			if kept < lines-q.lost() && !strings.HasPrefix(got, fmt.Sprintf("%04d ", kept)) {
				t.Fatalf("got %.20q as line %d; want the order kept", got, kept)
			}
			kept++
		}
		if want := fmt.Sprintf("x\ndropped %d\nlater\n", q.lost()); !strings.HasSuffix(out.written.String(), want) || kept != lines-q.lost()+2 {
			t.Errorf("got %d lines; want those that were not dropped, and at the end %q", kept, want)
		}
	})
}

func TestTheEndWaitsForTheLogAMomentOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuckWriter{free: make(chan struct{})}
		q := newLogQueue(out)
		fmt.Fprintln(q, "one")
		began := time.Now()
		q.end(logFlush)
		if took := time.Since(began); took != logFlush {
			t.Errorf("got an end after %v; want it after %v", took, logFlush)
		}
		close(out.free)
	})
}

func TestTheLastLineHowLongEverItIsComesOut(t *testing.T) {
	out := &stuckWriter{free: make(chan struct{})}
	close(out.free)
	q := newLogQueue(out)
	long := strings.Repeat("a mistake\n", 2*logWaiting/10)
	fmt.Fprint(q, long)
	q.end(time.Hour)
	if got := out.written.String(); got != long || q.lost() != 0 {
		t.Errorf("got %d bytes, %d lines dropped; want all %d bytes", len(got), q.lost(), len(long))
	}
}

// A moodyWriter takes some bytes of what it gets, and then says err.
type moodyWriter struct {
	mu      sync.Mutex // guards what follows
	err     error
	takes   int
	calls   int
	written bytes.Buffer
}

func (w *moodyWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	if w.err == nil {
		return w.written.Write(p)
	}
	n, _ := w.written.Write(p[:min(w.takes, len(p))])
	return n, w.err
}

func TestAStandardErrorThatFailsIsTriedForEachLineOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, err := range []error{syscall.EPIPE, syscall.EBADF, syscall.ENOSPC, errors.New("another")} {
			out := &moodyWriter{err: err}
			q := newLogQueue(out)
			q.tellDrops(func(lines uint64) { fmt.Fprintf(q, "dropped %d\n", lines) })
			for range 3 {
				fmt.Fprintln(q, "lost")
				synctest.Wait()
			}
			if out.calls != 3 || q.lost() != 3 {
				t.Errorf("%v: got %d writes, %d lines dropped; want 3 of each", err, out.calls, q.lost())
			}
			out.err = nil
			fmt.Fprintln(q, "again")
			synctest.Wait()
			fmt.Fprintln(q, "later")
			q.end(time.Hour)
			if got := out.written.String(); !strings.HasPrefix(got, "again\n") || !strings.Contains(got, "later\n") {
				t.Errorf("%v: got %q; want the log to go on", err, got)
			}
		}
	})
}

// A descriptor that another process has made non-blocking takes a part and says
// that it can take no more at the moment.
func TestADescriptorThatIsFullForAMomentGetsEachByteOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &moodyWriter{err: syscall.EAGAIN, takes: 5}
		q := newLogQueue(out)
		const want = "a line of more than five bytes\nanother one\n"
		fmt.Fprint(q, want)
		q.end(time.Hour)
		if got := out.written.String(); got != want || q.lost() != 0 {
			t.Errorf("got %q, %d lines dropped; want %q", got, q.lost(), want)
		}
	})
}

func TestWhatGoesOutAtOnceIsWholeLines(t *testing.T) {
	for _, test := range []struct {
		name string
		text string
		want int
	}{
		{"a few lines", "one\ntwo\n", 8},
		{"many", strings.Repeat("0123456\n", 1000), logAtOnce},
		{"many of odd lengths", strings.Repeat("012345\n", 1000), logAtOnce / 7 * 7},
		{"a long one, and another", strings.Repeat("x", 5000) + "\ny\n", 5001},
		{"a long one without an end", strings.Repeat("x", 5000), 5000},
	} {
		if got := wholeLines([]byte(test.text)); got != test.want {
			t.Errorf("%s: got %d; want %d", test.name, got, test.want)
		}
	}
}
