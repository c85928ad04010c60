package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// pair returns both ends of a TCP connection, one of them a socket.
func pair(t *testing.T) (*socket, *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return newSocket(near, nil), far.(*net.TCPConn)
}

func TestASocketWritesAllThatASlowPeerTakes(t *testing.T) {
	t.Parallel()
	s, far := pair(t)
	s.writePatience = 10 * time.Second
	sent := noise(8 << 20)
	go func() {
		n, err := s.Write(sent)
		if n != len(sent) || err != nil {
			t.Errorf("got %d, %v; want %d", n, err, len(sent))
		}
		s.Close()
	}()
	time.Sleep(50 * time.Millisecond) // until the kernels hold all they can
	got, err := io.ReadAll(far)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("got %d bytes, %v; want the %d that were written", len(got), err, len(sent))
	}
}

func TestASocketGivesUpOnAPeerThatTakesNothing(t *testing.T) {
	t.Parallel()
	s, far := pair(t)
	s.writePatience = 100 * time.Millisecond
	if _, err := s.Write(noise(32 << 20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v; want the end of the patience", err)
	}
	go io.Copy(io.Discard, far)
	s.writePatience = 10 * time.Second
	if _, err := s.Write(noise(1 << 20)); err != nil {
		t.Errorf("got %v; want no deadline left of the last time", err)
	}
}

func TestADeferredWriteGoesOutBeforeTheAnswerIsAwaited(t *testing.T) {
	t.Parallel()
	s, far := pair(t)
	s.writePatience = 10 * time.Second
	request := noise(4 << 20) // more than the kernels take at once
	s.deferred, s.spare = new(scratch), new(scratches)
	if n, err := s.Write(request); n != len(request) || err != nil {
		t.Fatalf("got %d, %v; want all of it kept", n, err)
	}
	go func() {
		if _, err := io.ReadFull(far, make([]byte, len(request))); err != nil {
			t.Errorf("got %v; want the request", err)
		}
		far.Write([]byte("answer"))
	}()
	answer := make([]byte, 100)
	if err := s.await(); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Read(answer); string(answer[:n]) != "answer" || err != nil || s.unsent != nil {
		t.Errorf("got %q, %v, unsent %v; want the answer", answer[:n], err, s.unsent)
	}
}

func TestADeferredWriteThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	s, far := pair(t)
	far.SetLinger(0)
	far.Close() // by a reset
	waitUntil(t, "the reset", func() bool { return !s.isSilent() })
	s.Conn.SetDeadline(time.Now().Add(10 * time.Second))
	s.deferred, s.spare = new(scratch), new(scratches)
	s.Write([]byte("request"))
	if err := s.await(); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Read(make([]byte, 100)); n != 0 || err == nil || s.unsent == nil {
		t.Errorf("got %d bytes, %v, unsent %v; want two reasons", n, err, s.unsent)
	}
}

func TestASocketWaitsAsLongAsItIsAllowed(t *testing.T) {
	t.Parallel()
	s, _ := pair(t)
	const d = 200 * time.Millisecond
	for range 3 {
		start := time.Now()
		if err := s.allow(start, d); err != nil {
			t.Fatal(err)
		}
		_, err := s.Read(make([]byte, 1))
		if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took < d || took > 20*d {
			t.Errorf("got %v after %v; want the end after %v, or a little more", err, took, d)
		}
	}
	set := s.until
	if s.allow(time.Now(), time.Minute); !s.until.After(set) {
		t.Errorf("got the deadline %v again; want a later one", set)
	}
	set = s.until
	if s.allow(time.Now(), time.Minute); !s.until.Equal(set) {
		t.Errorf("got %v; want the deadline that is still good", s.until)
	}
}

func TestClosingASocketEndsItsRead(t *testing.T) {
	t.Parallel()
	s, _ := pair(t)
	time.AfterFunc(20*time.Millisecond, func() { s.Close() })
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v; want the end", err)
	}
	if _, err := s.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v; want the end", err)
	}
}

// How a request is cut into segments makes no difference. (To fasthttp's server it
// does: it keeps an answer back while the header of the next request is here but
// not its body.)
func TestRequestsInPiecesAreAnswered(t *testing.T) {
	if isPlain() {
		return
	}
	t.Parallel()
	w := startRaw(t, always(answered(okBody)))
	s := through(t, w)
	request := post("/p", "0123456789")
	for cut := 1; cut < len(request); cut += 7 {
		c := s.dial(t)
		c.send(request[:cut])
		time.Sleep(time.Millisecond)
		c.send(request[cut:] + request[:cut]) // and the beginning of another one
		if a, err := readAnswer(c.r, false); err != nil || a.body != okBody {
			t.Errorf("cut at %d: got %q %q, %v; want an answer", cut, a.head, a.body, err)
		}
		time.Sleep(time.Millisecond)
		if a := c.call(request[cut:]); a.body != okBody {
			t.Errorf("cut at %d, second: got %q %q; want an answer", cut, a.head, a.body)
		}
	}
	for _, got := range w.received() {
		if !strings.HasSuffix(got, "0123456789") {
			t.Fatalf("got %q; want the body in full", got)
		}
	}
}

// A request that has no body, or none yet, has nothing of what the seat was used for
// before.
func TestNothingIsLeftOfTheLastRequest(t *testing.T) {
	t.Parallel()
	w := startRaw(t, always(answered(okBody)))
	s := through(t, w)
	for i, next := range []string{
		get("/next"), "POST /next HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
		"POST /next HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "GET /next HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	} {
		for cut := 0; cut < len(next); cut += 9 {
			c := s.dial(t)
			c.call("POST /last HTTP/1.1\r\nHost: h\r\nX-Last: 1\r\nContent-Length: 4\r\n\r\nlast")
			if c.send(next[:cut]); cut > 0 {
				time.Sleep(time.Millisecond)
			}
			if a := c.call(next[cut:]); a.body != okBody {
				t.Errorf("%d, cut at %d: got %q %q; want an answer", i, cut, a.head, a.body)
			}
			for _, got := range w.received()[1:] {
				if strings.Contains(got, "/next") && strings.Contains(strings.ToLower(got), "last") {
					t.Fatalf("%d, cut at %d: got %q; want nothing of the last request", i, cut, got)
				}
			}
		}
	}
}

// A caller may end its half of the connection as soon as it has asked.
// looksOn is how often it is looked for more right after an answer, and looksAfter when
// again.
const (
	looksOn    = 4
	looksAfter = time.Second
)

func TestACallerThatSaysNoMoreGetsItsAnswersAndTheEnd(t *testing.T) {
	t.Parallel()
	w := startRaw(t, always(answered(okBody)))
	s := through(t, w)
	for _, requests := range []int{1, 2, looksOn, looksOn + 1, 3 * looksOn} {
		c := s.dial(t)
		for range requests - 1 {
			c.call(get("/p"))
		}
		c.send(get("/p"))
		c.conn.(*net.TCPConn).CloseWrite()
		if a, err := readAnswer(c.r, false); err != nil || a.body != okBody {
			t.Errorf("%d requests: got %q, %v; want an answer", requests, a.body, err)
		}
		c.conn.SetReadDeadline(time.Now().Add(10 * time.Second)) // of the minute that it may rest
		if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("%d requests: got %v; want the end", requests, err)
		}
	}
}

// Whoever is looked at while it rests is asked nothing, and goes on.
func TestAKeptAliveCallerRestsAsLongAsItMay(t *testing.T) {
	t.Parallel()
	w := startRaw(t, always(answered(okBody)))
	limits := defaultLimits
	limits.IdleTimeout = 4 * looksAfter
	s := serve(t, config(hostsAt(t, nil, w.url)), limits)
	c := s.dial(t)
	for range 2 * looksOn {
		c.call(get("/p"))
	}
	time.Sleep(2 * looksAfter)
	if a := c.call(get("/p")); a.body != okBody {
		t.Errorf("got %q; want an answer after the look", a.head)
	}
	start := time.Now()
	if rest(c) != "silence" {
		t.Errorf("got the end after %v; want it after %v", time.Since(start), limits.IdleTimeout)
	}
	waitUntil(t, "nobody to be connected", func() bool { return s.listener.Count() == 0 })
}

func TestAKeptAliveCallerIsClosedWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	w := startRaw(t, always(answered(okBody)))
	limits := defaultLimits
	limits.IdleTimeout = 200 * time.Millisecond
	s := serve(t, config(hostsAt(t, nil, w.url)), limits)
	c := s.dial(t)
	for range 2 * looksOn {
		c.call(get("/p"))
	}
	start := time.Now()
	if rest(c) != "" || time.Since(start) < limits.IdleTimeout/2 {
		t.Errorf("got the end after %v; want it after %v, without a word", time.Since(start), limits.IdleTimeout)
	}
	waitUntil(t, "nobody to be connected", func() bool { return s.listener.Count() == 0 })
}
