package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

// held is an Upstream that answers when the test lets it.
type held struct {
	arrived chan struct{} // gets an element per request
	release chan struct{} // closed to let all be answered
}

func newHeld() *held { return &held{make(chan struct{}, 100), make(chan struct{})} }

func (h *held) Send(_ *upstream.Message, resp *fasthttp.Response) error {
	h.arrived <- struct{}{}
	<-h.release
	resp.SetBodyString(rawtest.OKBody)
	return nil
}

// lastCalls is how long callers that have kept their connections have for one more
// request.
const lastCalls = 500 * time.Millisecond

// shutdown ends s and returns how long that took.
func shutdown(s *service, limit time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	start := time.Now()
	err := s.proxy.Drain(ctx, s.listener)
	return time.Since(start), err
}

func mustShutdown(t *testing.T, s *service) time.Duration {
	t.Helper()
	took, err := shutdown(s, 10*time.Second)
	if err != nil {
		t.Errorf("shutting down: %v", err)
	}
	if err := <-s.served; err != nil {
		t.Errorf("serving: %v", err)
	}
	if !s.proxy.Draining() {
		t.Error("the proxy does not say that it drains")
	}
	if err := s.server.Serve(s.listener); err != nil {
		t.Errorf("serving afterwards: got %v; want that nobody comes", err)
	}
	return took
}

func TestShutdownWithoutCallersIsQuick(t *testing.T) {
	t.Parallel()
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), defaultLimits)
	if a := s.dial(t).Call(rawtest.Get("/p", "Connection: close")); a.Status() != 200 {
		t.Fatalf("got %q; want an answer", a.Head)
	}
	if took := mustShutdown(t, s); took > lastCalls {
		t.Errorf("took %v; want less than %v", took, lastCalls)
	}
}

func TestShutdownFinishesTheRequestThatIsUnderWay(t *testing.T) {
	t.Parallel()
	u := newHeld()
	s := serve(t, config(u), defaultLimits)
	c := s.dial(t)
	c.Send(post("/p", "{}"))
	<-u.arrived
	time.AfterFunc(200*time.Millisecond, func() { close(u.release) })
	mustShutdown(t, s)
	a, err := rawtest.ReadAnswer(c.R, false)
	if err != nil || a.Body != rawtest.OKBody || a.Field("Connection") != "close" {
		t.Errorf("got %v, %q %q; want WeChat's answer and the end", err, a.Head, a.Body)
	}
}

func TestShutdownFinishesTheRequestThatIsHalfSent(t *testing.T) {
	t.Parallel()
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), defaultLimits)
	c := s.dial(t)
	c.Send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo")
	rawtest.WaitUntil(t, "the first half", func() bool { return s.listener.Count() == 1 && s.proxy.InFlight() == 1 })
	time.AfterFunc(lastCalls+50*time.Millisecond, func() { io.WriteString(c.Conn, "dy") })
	mustShutdown(t, s)
	if a, err := rawtest.ReadAnswer(c.R, false); err != nil || a.Body != rawtest.OKBody {
		t.Errorf("got %v, %q %q; want WeChat's answer", err, a.Head, a.Body)
	}
}

func TestShutdownTellsAKeptAliveCallerThatItsRequestIsTheLast(t *testing.T) {
	t.Parallel()
	for _, callers := range []int{1, 2} {
		t.Run(fmt.Sprint(callers), func(t *testing.T) {
			t.Parallel()
			s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), defaultLimits)
			var calls sync.WaitGroup
			for range callers {
				c := s.dial(t)
				c.Call(rawtest.Get("/p"))
				calls.Go(func() {
					time.Sleep(lastCalls / 5)
					io.WriteString(c.Conn, rawtest.Get("/p"))
					a, err := rawtest.ReadAnswer(c.R, false)
					if err != nil || a.Field("Connection") != "close" || !c.Ended() {
						t.Errorf("got %v, %q; want an answer and the end", err, a.Head)
					}
				})
			}
			if took := mustShutdown(t, s); took < lastCalls/10 || took > 2*time.Second {
				t.Errorf("took %v; want it to end soon after the last requests", took)
			}
			calls.Wait()
		})
	}
}

func TestShutdownDoesNotWaitForConnectionsWithoutARequest(t *testing.T) {
	t.Parallel()
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), defaultLimits)
	idle, silent := s.dial(t), s.dial(t)
	idle.Call(rawtest.Get("/p"))
	rawtest.WaitUntil(t, "the silent connection", func() bool { return s.listener.Count() == 2 })
	if took := mustShutdown(t, s); took > lastCalls+2*time.Second {
		t.Errorf("took %v; want little more than %v", took, lastCalls)
	}
	if !idle.Ended() || !silent.Ended() {
		t.Error("a connection stays open")
	}
}

func TestShutdownEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	u := newHeld()
	s := serve(t, config(u), defaultLimits)
	s.dial(t).Send(rawtest.Get("/p"))
	<-u.arrived
	took, err := shutdown(s, 200*time.Millisecond)
	if !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
		t.Errorf("got %v after %v; want %v after 200ms", err, took, context.DeadlineExceeded)
	}
	close(u.release)
	<-s.served
}

// No caller that got a connection is cut, however the shutdown falls.
func TestShutdownUnderLoadCutsNobody(t *testing.T) {
	t.Parallel()
	for run := range 3 {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			s := serve(t, config(upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
				time.Sleep(2 * time.Millisecond)
				resp.SetBodyString(rawtest.OKBody)
				return nil
			})), defaultLimits)
			var answered atomic.Int64
			var callers sync.WaitGroup
			for range 6 {
				callers.Go(func() { keepCalling(t, s, &answered) })
				callers.Go(func() { callAnew(t, s, &answered) })
			}
			rawtest.WaitUntil(t, "the load", func() bool { return answered.Load() > 100 })
			mustShutdown(t, s)
			callers.Wait()
			if got := s.proxy.InFlight(); got != 0 {
				t.Errorf("got %d requests in flight; want none", got)
			}
		})
	}
}

// keepCalling sends request after request until an answer says that one was the
// last.
func keepCalling(t *testing.T, s *service, answered *atomic.Int64) {
	conn, err := net.Dial(s.addr.Network(), s.addr.String())
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		io.WriteString(conn, post("/p", "{}"))
		a, err := rawtest.ReadAnswer(r, false)
		if err != nil || a.Body != rawtest.OKBody {
			t.Errorf("a kept-alive caller got %v, %q", err, a.Head)
			return
		}
		answered.Add(1)
		if a.Field("Connection") == "close" {
			return
		}
	}
}

// callAnew sends each request over a new connection until the proxy drains.
func callAnew(t *testing.T, s *service, answered *atomic.Int64) {
	for !s.proxy.Draining() {
		conn, err := net.Dial(s.addr.Network(), s.addr.String())
		if err != nil {
			return // nobody listens any more
		}
		io.WriteString(conn, rawtest.Get("/p"))
		a, err := rawtest.ReadAnswer(bufio.NewReader(conn), false)
		if err != nil || a.Body != rawtest.OKBody {
			t.Errorf("a new caller got %v, %q", err, a.Head)
		}
		answered.Add(1)
		conn.Close()
	}
}

// Connections that wait in the kernel's backlog are served.
func TestDrainingServesThoseWhoWaitToBeAccepted(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var waiting []net.Conn
	for range 20 {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, rawtest.Get("/p"))
		waiting = append(waiting, conn)
	}
	s := serveOn(t, ln, config(&recorder{answers: []string{rawtest.OKBody}}), defaultLimits)
	mustShutdown(t, s)
	for i, conn := range waiting {
		if a, err := rawtest.ReadAnswer(bufio.NewReader(conn), false); err != nil || a.Body != rawtest.OKBody {
			t.Errorf("caller %d: got %v, %q; want an answer", i, err, a.Head)
		}
	}
}

func TestDrainingEndsThoughNewCallersNeverStopComing(t *testing.T) {
	t.Parallel()
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), defaultLimits)
	stop := make(chan struct{})
	var coming sync.WaitGroup
	coming.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			if conn, err := net.Dial(s.addr.Network(), s.addr.String()); err == nil {
				conn.Close()
			}
		}
	})
	_, err := shutdown(s, 10*time.Second)
	close(stop)
	coming.Wait()
	if err != nil {
		t.Errorf("got %v; want an end", err)
	}
}

func TestUnixSocketIsServedAndDrained(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	s := serveOn(t, ln, config(&recorder{answers: []string{rawtest.OKBody}}), defaultLimits)
	if a := s.dial(t).Call(rawtest.Get("/p", "Connection: close")); a.Body != rawtest.OKBody {
		t.Errorf("got %q %q; want WeChat's answer", a.Head, a.Body)
	}
	mustShutdown(t, s)
}

func TestListenerThatIsClosedEndsTheService(t *testing.T) {
	t.Parallel()
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), defaultLimits)
	if err := s.listener.Close(); err != nil {
		t.Error(err)
	}
	if err := s.listener.Close(); err != nil {
		t.Errorf("closing it again: %v", err)
	}
	<-s.served
	if _, err := shutdown(s, time.Second); err != nil {
		t.Errorf("shutting down afterwards: %v", err)
	}
}

func TestRequestThatCannotBeReadIsExplained(t *testing.T) {
	rows := []struct {
		name   string
		reason error
		status int
		words  string
	}{
		{"a header too large", front.ErrHeaderTooLong, 400, "16 KiB"},
		{"a caller too slow", front.ErrLate, 400, "in time"},
		{"a body too large", front.ErrBodyTooLarge, 413, "max_body"},
		{"anything else", front.ErrUnreadable, 400, "RFC 9112"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			ctx := new(fasthttp.RequestCtx)
			New(config(&recorder{})).Handler().Refuse(ctx, row.reason)
			got := string(ctx.Response.Body())
			if ctx.Response.StatusCode() != row.status || !strings.Contains(got, row.words) {
				t.Errorf("got %d %s; want %d and %q", ctx.Response.StatusCode(), got, row.status, row.words)
			}
		})
	}
}

func TestShutdownDoesNotWaitForAHeaderThatNeverEnds(t *testing.T) {
	t.Parallel()
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), defaultLimits)
	first, later := s.dial(t), s.dial(t)
	first.Send("GET /p HTT")
	later.Call(rawtest.Get("/p"))
	later.Send("GET /")
	if took := mustShutdown(t, s); took > lastCalls+2*time.Second {
		t.Errorf("took %v; want little more than %v", took, lastCalls)
	}
}
