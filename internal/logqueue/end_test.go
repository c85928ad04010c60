package logqueue

import (
	"bytes"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheEndWaitsForTheLogAMomentOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuckWriter{free: make(chan struct{})}
		q := New(out)
		fmt.Fprintln(q, "one")
		began := time.Now()
		q.End()
		if took := time.Since(began); took != FlushTime {
			t.Errorf("got an end after %v; want it after %v", took, FlushTime)
		}
		close(out.free)
	})
}

// A slowWriter needs a time for each write.
type slowWriter struct {
	needs   time.Duration
	written bytes.Buffer
}

func (w *slowWriter) Write(p []byte) (int, error) {
	time.Sleep(w.needs)
	return w.written.Write(p)
}

func TestTheEndWaitsForAReaderThatIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &slowWriter{needs: 12 * time.Millisecond} // 330 KB a second
		q := New(out)
		q.TellDrops(func(lines uint64, err error) { fmt.Fprintf(q, "dropped %d: %v\n", lines, err) })
		want := strings.Repeat(strings.Repeat("x", 999)+"\n", 480)
		fmt.Fprint(q, want)
		q.End()
		if got := out.written.String(); got != want || q.Lost() != 0 {
			t.Errorf("got %d bytes, %d lines dropped; want %d bytes, all", len(got), q.Lost(), len(want))
		}
	})
}

func TestTheEndSaysWhatWasDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, needs := range []time.Duration{20 * time.Millisecond, 240 * time.Millisecond} {
			out := &slowWriter{needs: needs}
			q := New(out)
			q.TellDrops(func(lines uint64, err error) { fmt.Fprintf(q, "dropped %d: %v\n", lines, err) })
			line := strings.Repeat("x", 999) + "\n"
			const lines = 480
			began := time.Now()
			for range lines {
				fmt.Fprint(q, line)
			}
			q.End()
			if took := time.Since(began); took > readTime+FlushTime {
				t.Errorf("%v: got an end after %v; want it after 2 s at most", needs, took)
			}
			kept := int(lines - q.Lost())
			want := strings.Repeat(line, kept) + fmt.Sprintf("dropped %d: <nil>\n", q.Lost())
			if got := out.written.String(); kept == 0 || kept == lines || got != want {
				t.Errorf("%v: got %d bytes, at the end %q; want %d lines and %d dropped", needs, len(got), got[max(0, len(got)-100):], kept, q.Lost())
			}
		}
	})
}

// The report that there were too many is dropped too, and so the last line counts those
// lines and itself.
func TestTheLastLineCountsWhatAReportThatWasDroppedHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &slowWriter{needs: 20 * time.Millisecond}
		q := New(out)
		q.TellDrops(func(lines uint64, err error) { fmt.Fprintf(q, "dropped %d: %v\n", lines, err) })
		line := strings.Repeat("x", 999) + "\n"
		for range 2 {
			fmt.Fprint(q, strings.Repeat(line, 500))
			synctest.Wait()
		}
		fmt.Fprint(q, strings.Repeat(line, 100)) // too many
		time.Sleep(3 * time.Second)              // the first 500 are written, and the report waits
		q.End()
		want := fmt.Sprintf("x\ndropped %d: <nil>\n", q.Lost())
		if got := out.written.String(); strings.Count(got, "dropped") != 1 || !strings.HasSuffix(got, want) {
			t.Errorf("got at the end %q; want only %q", got[max(0, len(got)-100):], want)
		}
	})
}

func TestTheEndDoesNotWaitForADiskThatStaysFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New(&moodyWriter{err: syscall.ENOSPC})
		q.TellDrops(func(lines uint64, err error) { fmt.Fprintf(q, "dropped %d: %v\n", lines, err) })
		fmt.Fprintln(q, "lost")
		began := time.Now()
		q.End()
		if took := time.Since(began); took != FlushTime {
			t.Errorf("got an end after %v; want it after %v", took, FlushTime)
		}
		if <-q.done; q.Lost() == 0 {
			t.Error("got no line dropped; want what was left of them counted")
		}
	})
}

func TestALineAfterTheEndIsNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &slowWriter{needs: 100 * time.Millisecond}
		q := New(out)
		q.TellDrops(func(lines uint64, err error) { fmt.Fprintf(q, "dropped %d: %v\n", lines, err) })
		fmt.Fprintln(q, "one")
		time.AfterFunc(50*time.Millisecond, func() { fmt.Fprintln(q, "late") })
		q.End()
		if got := out.written.String(); got != "one\n" || q.Lost() != 1 {
			t.Errorf("got %q, %d lines dropped; want the first, and 1", got, q.Lost())
		}
	})
}
