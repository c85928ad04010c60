package logqueue

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A countingWriter counts writes.
type countingWriter struct {
	mu      sync.Mutex // guards what follows
	calls   int
	written bytes.Buffer
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	return w.written.Write(p)
}

func (w *countingWriter) want(t *testing.T, when string, calls int, text string) {
	t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calls != calls || w.written.String() != text {
		t.Errorf("%s: got %q in %d writes; want %q in %d", when, w.written.String(), w.calls, text, calls)
	}
}

func TestLinesThatMayWaitAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := new(countingWriter)
		q := New(out)
		synctest.Wait()
		for i := range 3 {
			fmt.Fprintf(q.Batched(), "%d\n", i)
			time.Sleep(batchTime / 4)
		}
		out.want(t, "before their time", 0, "")
		time.Sleep(batchTime / 4)
		out.want(t, "at the first one's time", 1, "0\n1\n2\n")
		fmt.Fprint(q.Batched(), "3\n")
		time.Sleep(batchTime)
		out.want(t, "another one", 2, "0\n1\n2\n3\n")
		q.End()
	})
}

func TestALineThatIsUrgentTakesThoseBeforeItAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := new(countingWriter)
		q := New(out)
		fmt.Fprint(q.Batched(), "one\n")
		fmt.Fprint(q, "urgent\n")
		out.want(t, "at once", 1, "one\nurgent\n")
		fmt.Fprint(q.Batched(), "two\n")
		time.Sleep(batchTime)
		out.want(t, "later", 2, "one\nurgent\ntwo\n")
		q.End()
	})
}

func TestManyLinesDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := new(countingWriter)
		q := New(out)
		synctest.Wait()
		line := strings.Repeat("x", 1023) + "\n"
		for range batch/len(line) - 1 {
			fmt.Fprint(q.Batched(), line)
		}
		out.want(t, "too few", 0, "")
		fmt.Fprint(q.Batched(), line)
		out.want(t, "enough", batch/atOnce, strings.Repeat(line, batch/len(line)))
		q.End()
	})
}

func TestTheEndWritesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := new(countingWriter)
		q := New(out)
		fmt.Fprint(q.Batched(), "one\n")
		began := time.Now()
		q.End()
		out.want(t, "at the end", 1, "one\n")
		if took := time.Since(began); took != 0 {
			t.Errorf("got an end after %v; want it at once", took)
		}
		fmt.Fprint(q.Batched(), "late\n")
		if q.Lost() != 1 {
			t.Errorf("got %d lines lost; want the one after the end", q.Lost())
		}
	})
}

func TestLinesThatMayWaitAreBoundedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuckWriter{free: make(chan struct{})}
		q := New(out)
		line := strings.Repeat("x", 999) + "\n"
		for range 2000 {
			fmt.Fprint(q.Batched(), line)
		}
		synctest.Wait()
		if q.Lost() == 0 || len(q.waiting) > maxWaiting {
			t.Errorf("got %d lines dropped, and %d bytes that wait; want some, and a bound", q.Lost(), len(q.waiting))
		}
		close(out.free)
		q.End()
	})
}
