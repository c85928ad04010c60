package logqueue

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
		q := New(out)
		q.TellDrops(func(lines uint64) { fmt.Fprintf(q, "dropped %d\n", lines) })
		line := strings.Repeat("x", 1000)
		const lines = 2000
		for i := range lines {
			fmt.Fprintf(q, "%04d %s\n", i, line)
			if i == 0 {
				synctest.Wait() // until the first is being written
			}
		}
		if q.Lost() == 0 || len(q.waiting) > maxWaiting {
			t.Errorf("got %d lines dropped, and %d bytes that wait; want some, and a bound", q.Lost(), len(q.waiting))
		}
		close(out.free)
		synctest.Wait()
		fmt.Fprint(q, "later\n")
		q.End(time.Hour)
		kept := uint64(0)
		for got := range strings.Lines(out.written.String()) {
			if kept < lines-q.Lost() && !strings.HasPrefix(got, fmt.Sprintf("%04d ", kept)) {
				t.Fatalf("got %.20q as line %d; want the order kept", got, kept)
			}
			kept++
		}
		if want := fmt.Sprintf("x\ndropped %d\nlater\n", q.Lost()); !strings.HasSuffix(out.written.String(), want) || kept != lines-q.Lost()+2 {
			t.Errorf("got %d lines; want those that were not dropped, and at the end %q", kept, want)
		}
	})
}

func TestTheEndWaitsForTheLogAMomentOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuckWriter{free: make(chan struct{})}
		q := New(out)
		fmt.Fprintln(q, "one")
		began := time.Now()
		q.End(FlushTime)
		if took := time.Since(began); took != FlushTime {
			t.Errorf("got an end after %v; want it after %v", took, FlushTime)
		}
		close(out.free)
	})
}

func TestTheLastLineHowLongEverItIsComesOut(t *testing.T) {
	out := &stuckWriter{free: make(chan struct{})}
	close(out.free)
	q := New(out)
	long := strings.Repeat("a mistake\n", 2*maxWaiting/10)
	fmt.Fprint(q, long)
	q.End(time.Hour)
	if got := out.written.String(); got != long || q.Lost() != 0 {
		t.Errorf("got %d bytes, %d lines dropped; want all %d bytes", len(got), q.Lost(), len(long))
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
			q := New(out)
			q.TellDrops(func(lines uint64) { fmt.Fprintf(q, "dropped %d\n", lines) })
			for range 3 {
				fmt.Fprintln(q, "lost")
				synctest.Wait()
			}
			if out.calls != 3 || q.Lost() != 3 {
				t.Errorf("%v: got %d writes, %d lines dropped; want 3 of each", err, out.calls, q.Lost())
			}
			out.err = nil
			fmt.Fprintln(q, "again")
			synctest.Wait()
			fmt.Fprintln(q, "later")
			q.End(time.Hour)
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
		q := New(out)
		const want = "a line of more than five bytes\nanother one\n"
		fmt.Fprint(q, want)
		q.End(time.Hour)
		if got := out.written.String(); got != want || q.Lost() != 0 {
			t.Errorf("got %q, %d lines dropped; want %q", got, q.Lost(), want)
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
		{"many", strings.Repeat("0123456\n", 1000), atOnce},
		{"many of odd lengths", strings.Repeat("012345\n", 1000), atOnce / 7 * 7},
		{"a long one, and another", strings.Repeat("x", 5000) + "\ny\n", 5001},
		{"a long one without an end", strings.Repeat("x", 5000), 5000},
	} {
		if got := wholeLines([]byte(test.text)); got != test.want {
			t.Errorf("%s: got %d; want %d", test.name, got, test.want)
		}
	}
}
