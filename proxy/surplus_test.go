package proxy

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxproxy/proxy/internal/rawtest"
)

func TestOneConnectionTooManyIsRefusedInWords(t *testing.T) {
	t.Parallel()
	limits := defaultLimits
	limits.MaxConnections = 2
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), limits)
	first, second := s.dial(t), s.dial(t)
	first.Call(rawtest.Get("/p"))
	second.Call(rawtest.Get("/p"))
	for _, request := range []string{rawtest.Get("/p"), post("/p", string(rawtest.Noise(400_000))),
		"POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"} {
		c := s.dial(t)
		a := c.Call(request)
		if a.Status() != 503 || a.Field("Wxproxy-Error") != "too_many_connections" || a.Field("Connection") != "close" ||
			a.Field("Retry-After") != "1" || !strings.HasPrefix(a.Body, `{"errcode":-50302,"errmsg":"wxproxy: too_many_connections: `) {
			t.Errorf("%.4s: got %q %q; want 503 too_many_connections", request, a.Head, a.Body)
		}
		if !c.Ended() {
			t.Errorf("%.4s: the connection stays", request)
		}
	}
	for _, c := range []*rawtest.Caller{first, second} {
		if a := c.Call(rawtest.Get("/p")); a.Status() != 200 {
			t.Errorf("one of the first got %q; want an answer", a.Head)
		}
	}
	first.Conn.Close()
	rawtest.WaitUntil(t, "a free place", func() bool { return s.dial(t).Call(rawtest.Get("/p")).Status() == 200 })
}

// tooManyTime is how long a connection above the limit may take for its request.
const tooManyTime = 2 * time.Second

func TestConnectionTooManyMustHurry(t *testing.T) {
	t.Parallel()
	limits := defaultLimits
	limits.MaxConnections = 1
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), limits)
	s.dial(t).Call(rawtest.Get("/p"))
	silent := s.dial(t)
	start := time.Now()
	if said, err := io.ReadAll(silent.R); len(said) > 0 || err != nil {
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
	s := serve(t, config(&recorder{answers: []string{rawtest.OKBody}}), limits)
	var callers sync.WaitGroup
	var answered atomic.Int32
	for range 8 {
		callers.Go(func() {
			for range 40 {
				c := s.dial(t)
				_, _ = io.WriteString(c.Conn, rawtest.Get("/p", "Connection: close"))
				a, err := http.ReadResponse(bufio.NewReader(c.Conn), nil)
				c.Conn.Close()
				switch {
				case err != nil: // on a busy machine one that has sent nothing for 100 ms makes room for others
				case a.StatusCode != 200 && a.StatusCode != 503:
					t.Errorf("got %q", a.Status)
				default:
					answered.Add(1)
				}
			}
		})
	}
	callers.Wait()
	if n := answered.Load(); n < 8*40/2 {
		t.Errorf("got %d answers of 320; want most", n)
	}
	for range limits.MaxConnections { // which stay
		rawtest.WaitUntil(t, "a free place", func() bool { return s.dial(t).Call(rawtest.Get("/p")).Status() == 200 })
	}
}
