package logqueue

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
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
		q.TellDrops(func(lines uint64, _ error) { fmt.Fprintf(q, "dropped %d\n", lines) })
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
		q.End()
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

func TestTheLastLineHowLongEverItIsComesOut(t *testing.T) {
	out := &stuckWriter{free: make(chan struct{})}
	close(out.free)
	q := New(out)
	long := strings.Repeat("a mistake\n", 2*maxWaiting/10)
	fmt.Fprint(q, long)
	q.End()
	if got := out.written.String(); got != long || q.Lost() != 0 {
		t.Errorf("got %d bytes, %d lines dropped; want all %d bytes", len(got), q.Lost(), len(long))
	}
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
