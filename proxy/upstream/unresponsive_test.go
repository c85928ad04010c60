package upstream

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxproxy/proxy/internal/rawtest"
)

// unresponsiveScripts are ways not to answer a request.
var unresponsiveScripts = map[string]func(net.Conn, string) bool{
	"the end":       rawtest.Once(""),
	"garbage":       rawtest.Once("SSH-2.0-OpenSSH_9.6\r\n"),
	"half a header": rawtest.Once("HTTP/1.1 200 OK\r\nContent-Le"),
	"silence":       rawtest.Always(""),
}

// A host that takes connections and answers nothing is left for the next one, and
// comes back when it answers a probe.
func TestHostThatDoesNotAnswerIsLeft(t *testing.T) {
	t.Parallel()
	for name, script := range unresponsiveScripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var answers atomic.Bool
			first := rawtest.StartRaw(t, nil)
			first.Script = func(conn net.Conn, request string) bool {
				if answers.Load() {
					return rawtest.Always(rawtest.Answered("1"))(conn, request)
				}
				return script(conn, request)
			}
			second := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered("2")))
			h := provenAt(t, func(c *HostsConfig) { c.ConnectTimeout, c.Timeout = time.Second, time.Second }, first.URL, second.URL)
			for i := range maxUnanswered {
				if err := sendError(h, message("POST", "/p", "{}")); err == nil {
					t.Errorf("%d: got an answer; want an error: nothing is sent twice", i)
				}
			}
			for range 5 {
				if got := mustSend(t, h, message("POST", "/p", "{}")); got != "2" {
					t.Errorf("got the answer %q; want the second host's", got)
				}
			}
			probes := func() (n int) {
				for _, request := range first.Received() {
					if strings.HasPrefix(request, "GET /cgi-bin/get_api_domain_ip HTTP/1.1\r\n") {
						n++
					}
				}
				return n
			}
			rawtest.WaitUntil(t, "two probes", func() bool { return probes() > 1 })
			if s := h.States()[0]; !s.Down || !strings.Contains(s.Reason, "without an answer") {
				t.Errorf("got %+v; want it down, for it takes connections only", s)
			}
			answers.Store(true)
			rawtest.WaitUntil(t, "the first host up", func() bool { return !h.States()[0].Down })
			if got := mustSend(t, h, message("POST", "/p", "{}")); got != "1" {
				t.Errorf("got the answer %q; want the first host's", got)
			}
		})
	}
}

// Where there is no other host, one that does not answer is as good as any.
func TestOnlyHostIsNotLeft(t *testing.T) {
	t.Parallel()
	first := rawtest.StartRaw(t, rawtest.Once(""))
	h := provenAt(t, nil, first.URL)
	for range 2 * maxUnanswered {
		if err := sendError(h, message("POST", "/p", "{}")); err == nil {
			t.Error("got an answer; want an error")
		}
	}
	if h.States()[0].Down {
		t.Error("got the only host down; want it up")
	}
}

// An API that is slow takes no host down that answers others, however many wait for
// it at a time.
func TestSlowAPIDoesNotTakeItsHostDown(t *testing.T) {
	t.Parallel()
	first := rawtest.StartRaw(t, func(conn net.Conn, request string) bool {
		if !strings.Contains(request, "/slow") {
			io.WriteString(conn, rawtest.Answered("1"))
		}
		return true
	})
	second := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered("2")))
	h := provenAt(t, func(c *HostsConfig) { c.Timeout = 2 * time.Second }, first.URL, second.URL)
	var slow sync.WaitGroup
	for range 10 {
		slow.Go(func() {
			if err := sendError(h, message("POST", "/slow", "{}")); err == nil {
				t.Error("got an answer; want an error")
			}
		})
	}
	rawtest.WaitUntil(t, "the slow ones under way", func() bool { return len(first.Received()) == 10 })
	for i := range 3 {
		if got := mustSend(t, h, message("POST", fmt.Sprint("/", i), "{}")); got != "1" {
			t.Errorf("got the answer %q; want the first host's", got)
		}
	}
	slow.Wait()
	if s := h.States()[0]; s.Down {
		t.Errorf("got %+v; want it up, for it answers others", s)
	}
}
