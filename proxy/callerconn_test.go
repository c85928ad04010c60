package proxy

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestOneConnectionTooManyIsRefusedInWords(t *testing.T) {
	t.Parallel()
	limits := defaultLimits
	limits.MaxConnections = 2
	s := serve(t, config(&recorder{answers: []string{okBody}}), limits)
	first, second := s.dial(t), s.dial(t)
	first.call(get("/p"))
	second.call(get("/p"))
	for _, request := range []string{get("/p"), post("/p", string(noise(400_000))),
		"POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"} {
		c := s.dial(t)
		a := c.call(request)
		if a.status() != 503 || a.field("Wxproxy-Error") != "too_many_connections" || a.field("Connection") != "close" ||
			a.field("Retry-After") != "1" || !strings.HasPrefix(a.body, `{"errcode":-50302,"errmsg":"wxproxy: too_many_connections: `) {
			t.Errorf("%.4s: got %q %q; want 503 too_many_connections", request, a.head, a.body)
		}
		if !c.ended() {
			t.Errorf("%.4s: the connection stays", request)
		}
	}
	for _, c := range []*caller{first, second} {
		if a := c.call(get("/p")); a.status() != 200 {
			t.Errorf("one of the first got %q; want an answer", a.head)
		}
	}
	first.conn.Close()
	waitUntil(t, "a free place", func() bool { return s.dial(t).call(get("/p")).status() == 200 })
}

// tooManyTime is how long a connection above the limit may take for its request.
const tooManyTime = 2 * time.Second

func TestConnectionTooManyMustHurry(t *testing.T) {
	t.Parallel()
	limits := defaultLimits
	limits.MaxConnections = 1
	s := serve(t, config(&recorder{answers: []string{okBody}}), limits)
	s.dial(t).call(get("/p"))
	silent := s.dial(t)
	start := time.Now()
	if said, err := io.ReadAll(silent.r); len(said) > 0 || err != nil {
		t.Errorf("got %q, %v; want the end without an answer to nothing", said, err)
	}
	if took := time.Since(start); took < tooManyTime/2 || took > 5*tooManyTime {
		t.Errorf("got the end after %v; want it after %v", took, tooManyTime)
	}
}

// A thousand connections above the limit leave no trace.
func TestLimitHoldsWhenManyComeAndGo(t *testing.T) {
	t.Parallel()
	limits := defaultLimits
	limits.MaxConnections = 5
	s := serve(t, config(&recorder{answers: []string{okBody}}), limits)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 40 {
				c := s.dial(t)
				if a := c.call(get("/p", "Connection: close")); a.status() != 200 && a.status() != 503 {
					t.Errorf("got %q", a.head)
				}
				c.conn.Close()
			}
		})
	}
	callers.Wait()
	for range limits.MaxConnections { // which stay
		waitUntil(t, "a free place", func() bool { return s.dial(t).call(get("/p")).status() == 200 })
	}
}

// slowWriter is a connection that takes a few bytes in each time.
type slowWriter struct {
	net.Conn
	takes []int
}

func (w *slowWriter) SetWriteDeadline(time.Time) error { return nil }

func (w *slowWriter) Write([]byte) (int, error) {
	n := w.takes[0]
	w.takes = w.takes[1:]
	return n, &net.OpError{Op: "write", Err: errTimedOut{}}
}

type errTimedOut struct{ timeoutError }

func (errTimedOut) Is(err error) bool { return err.Error() == "i/o timeout" }

func TestWriteGoesOnWhileTheCallerTakesSomething(t *testing.T) {
	c := callerConn{Conn: &slowWriter{takes: []int{3, 1, 0}}}
	if n, err := c.Write(make([]byte, 9)); n != 4 || err == nil {
		t.Errorf("got %d, %v; want 4 and a time-out", n, err)
	}
}

func TestReadNotesTheEnd(t *testing.T) {
	in, out := net.Pipe()
	out.Close()
	c := callerConn{Conn: in}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || !c.hasEnded() {
		t.Errorf("got %v, ended %v; want the end", err, c.hasEnded())
	}
}
