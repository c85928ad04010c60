package logqueue

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

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

func (w *moodyWriter) recover() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = nil
}

func TestAStandardErrorWithoutAReaderIsTriedForEachLineOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, err := range []error{syscall.EPIPE, syscall.EBADF, os.ErrClosed} {
			out := &moodyWriter{err: err}
			q := New(out)
			q.TellDrops(func(lines uint64, _ error) { fmt.Fprintf(q, "dropped %d\n", lines) })
			for range 3 {
				fmt.Fprintln(q, "lost")
				synctest.Wait()
			}
			if out.calls != 3 || q.Lost() != 3 {
				t.Errorf("%v: got %d writes, %d lines dropped; want 3 of each", err, out.calls, q.Lost())
			}
			out.recover()
			fmt.Fprintln(q, "again")
			synctest.Wait()
			fmt.Fprintln(q, "later")
			q.End()
			if got := out.written.String(); !strings.HasPrefix(got, "again\n") || !strings.Contains(got, "later\n") {
				t.Errorf("%v: got %q; want the log to go on", err, got)
			}
		}
	})
}

// A descriptor that another process has made non-blocking takes a part and says
// that it can take no more at the moment; so does one of a disk that is full.
func TestAnOutputThatIsFullForAMomentGetsEachByteOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, err := range []error{syscall.EAGAIN, syscall.ENOSPC, errors.New("another")} {
			out := &moodyWriter{err: err, takes: 5}
			q := New(out)
			const want = "a line of more than five bytes\nanother one\n"
			fmt.Fprint(q, want)
			q.End()
			if got := out.written.String(); got != want || q.Lost() != 0 {
				t.Errorf("%v: got %q, %d lines dropped; want %q", err, got, q.Lost(), want)
			}
		}
	})
}

func TestLinesWaitForRoomOnTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &moodyWriter{err: syscall.ENOSPC}
		q := New(out)
		q.TellDrops(func(lines uint64, err error) { fmt.Fprintf(q, "dropped %d: %v\n", lines, err) })
		fmt.Fprintln(q, "first")
		time.Sleep(time.Minute)
		line := strings.Repeat("x", 1000)
		const lines = 1000
		for range lines {
			fmt.Fprintln(q, line)
		}
		time.Sleep(time.Minute)
		if q.Lost() == 0 || len(q.waiting) > maxWaiting {
			t.Errorf("got %d lines dropped, and %d bytes that wait; want some, and a bound", q.Lost(), len(q.waiting))
		}
		out.recover()
		time.Sleep(time.Minute)
		kept := int(lines - q.Lost())
		want := "first\n" + strings.Repeat(line+"\n", kept) + fmt.Sprintf("dropped %d: %v\n", q.Lost(), syscall.ENOSPC)
		if got := out.written.String(); got != want {
			t.Errorf("got %d bytes, at the end %q; want %d: what waited, and then why lines are missing", len(got), got[max(0, len(got)-100):], len(want))
		}
		q.End()
	})
}

func TestACutLineIsCountedAndTheNextOneIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &moodyWriter{err: syscall.EPIPE, takes: 5}
		q := New(out)
		fmt.Fprint(q, "one\na line that is cut\nand one that is not begun\n")
		synctest.Wait()
		out.recover()
		fmt.Fprint(q, "next\n")
		q.End()
		if got, want := out.written.String(), "one\na\nnext\n"; got != want || q.Lost() != 2 {
			t.Errorf("got %q, %d lines dropped; want %q and 2", got, q.Lost(), want)
		}
	})
}

func TestALineThatLacksItsNewlineOnlyIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &moodyWriter{err: syscall.EPIPE, takes: len("whole")}
		q := New(out)
		fmt.Fprint(q, "whole\n")
		synctest.Wait()
		out.takes = 0
		fmt.Fprint(q, "lost\n")
		synctest.Wait()
		out.recover()
		fmt.Fprint(q, "next\n")
		q.End()
		if got, want := out.written.String(), "whole\nnext\n"; got != want || q.Lost() != 1 {
			t.Errorf("got %q, %d lines dropped; want %q and 1", got, q.Lost(), want)
		}
	})
}
