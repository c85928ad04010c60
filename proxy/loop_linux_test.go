package proxy

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"wxproxy/proxy/internal/rawtest"
)

// How a request is cut into segments makes no difference. (To fasthttp's server it
// does: it keeps an answer back while the header of the next request is here but
// not its body.)
func TestRequestsInPiecesAreAnswered(t *testing.T) {
	if rawtest.IsPlain() {
		return
	}
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	s := through(t, w)
	request := post("/p", "0123456789")
	for cut := 1; cut < len(request); cut += 7 {
		c := s.dial(t)
		c.Send(request[:cut])
		time.Sleep(time.Millisecond)
		c.Send(request[cut:] + request[:cut]) // and the beginning of another one
		if a, err := rawtest.ReadAnswer(c.R, false); err != nil || a.Body != rawtest.OKBody {
			t.Errorf("cut at %d: got %q %q, %v; want an answer", cut, a.Head, a.Body, err)
		}
		time.Sleep(time.Millisecond)
		if a := c.Call(request[cut:]); a.Body != rawtest.OKBody {
			t.Errorf("cut at %d, second: got %q %q; want an answer", cut, a.Head, a.Body)
		}
	}
	for _, got := range w.Received() {
		if !strings.HasSuffix(got, "0123456789") {
			t.Fatalf("got %q; want the body in full", got)
		}
	}
}

// A request that has no body, or none yet, has nothing of the request that was read into
// the same memory before.
func TestNothingIsLeftOfTheLastRequest(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	s := through(t, w)
	for i, next := range []string{
		rawtest.Get("/next"), "POST /next HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
		"POST /next HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "GET /next HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	} {
		for cut := 0; cut < len(next); cut += 9 {
			c := s.dial(t)
			c.Call("POST /last HTTP/1.1\r\nHost: h\r\nX-Last: 1\r\nContent-Length: 4\r\n\r\nlast")
			if c.Send(next[:cut]); cut > 0 {
				time.Sleep(time.Millisecond)
			}
			if a := c.Call(next[cut:]); a.Body != rawtest.OKBody {
				t.Errorf("%d, cut at %d: got %q %q; want an answer", i, cut, a.Head, a.Body)
			}
			for _, got := range w.Received()[1:] {
				if strings.Contains(got, "/next") && strings.Contains(strings.ToLower(got), "last") {
					t.Fatalf("%d, cut at %d: got %q; want nothing of the last request", i, cut, got)
				}
			}
		}
	}
}

// extraReads is how many reads right after an answer a connection may cost, and
// checkAfter how long it rests before the end is looked for again.
const (
	extraReads = 4
	checkAfter = time.Second
)

// A caller may end its half of the connection as soon as it has asked.
func TestACallerThatSaysNoMoreGetsItsAnswersAndTheEnd(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	s := through(t, w)
	for _, requests := range []int{1, 2, extraReads, extraReads + 1, 3 * extraReads} {
		c := s.dial(t)
		for range requests - 1 {
			c.Call(rawtest.Get("/p"))
		}
		c.Send(rawtest.Get("/p"))
		c.Conn.(*net.TCPConn).CloseWrite()
		if a, err := rawtest.ReadAnswer(c.R, false); err != nil || a.Body != rawtest.OKBody {
			t.Errorf("%d requests: got %q, %v; want an answer", requests, a.Body, err)
		}
		c.Conn.SetReadDeadline(time.Now().Add(10 * time.Second)) // of the minute that it may rest
		if _, err := c.R.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("%d requests: got %v; want the end", requests, err)
		}
	}
}

// A connection that is looked at while it is idle notices nothing, and goes on.
func TestAKeptAliveCallerRestsAsLongAsItMay(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	limits := defaultLimits
	limits.IdleTimeout = 4 * checkAfter
	s := serve(t, config(hostsAt(t, nil, w.URL)), limits)
	c := s.dial(t)
	for range 2 * extraReads {
		c.Call(rawtest.Get("/p"))
	}
	time.Sleep(2 * checkAfter)
	if a := c.Call(rawtest.Get("/p")); a.Body != rawtest.OKBody {
		t.Errorf("got %q; want an answer after the look", a.Head)
	}
	start := time.Now()
	if rest(c) != "silence" {
		t.Errorf("got the end after %v; want it after %v", time.Since(start), limits.IdleTimeout)
	}
	rawtest.WaitUntil(t, "nobody to be connected", func() bool { return s.listener.Count() == 0 })
}

func TestAKeptAliveCallerIsClosedWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	limits := defaultLimits
	limits.IdleTimeout = 500 * time.Millisecond
	s := serve(t, config(hostsAt(t, nil, w.URL)), limits)
	c := s.dial(t)
	var start time.Time
	for range 2 * extraReads {
		start = time.Now()
		c.Call(rawtest.Get("/p"))
	}
	if rest(c) != "" || time.Since(start) < limits.IdleTimeout/2 {
		t.Errorf("got the end after %v; want it after %v, without a word", time.Since(start), limits.IdleTimeout)
	}
	rawtest.WaitUntil(t, "nobody to be connected", func() bool { return s.listener.Count() == 0 })
}
