package upstream

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/wechattest"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/socket"
)

// mustSend sends m and returns the answer's body.
func mustSend(t *testing.T, h *Hosts, m *Message) string {
	t.Helper()
	var resp fasthttp.Response
	if err := h.Send(m, &resp); err != nil {
		t.Fatalf("sending %s: %v", m.Method, err)
	}
	return string(resp.Body())
}

func sendError(h *Hosts, m *Message) error { return h.Send(m, new(fasthttp.Response)) }

func TestConnectionIsUsedAgain(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, nil, w.URL)
	for range 5 {
		mustSend(t, h, message("POST", "/p", "{}"))
	}
	if got := w.Connections(); got != 1 {
		t.Errorf("got %d connections; want 1", got)
	}
	h.Close()
	mustSend(t, h, message("POST", "/p", "{}"))
	if got := w.Connections(); got != 2 {
		t.Errorf("got %d connections after Close; want 2", got)
	}
}

func TestConnectionThatWasIdleForTooLongIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, func(c *HostsConfig) { c.IdleTimeout = 0 }, w.URL)
	for range 3 {
		mustSend(t, h, message("POST", "/p", "{}"))
	}
	if got := w.Connections(); got != 3 {
		t.Errorf("got %d connections; want 3", got)
	}
}

func TestConnectionThatWeChatClosedWhileIdleIsNotUsed(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, farewell string }{
		{"silently", ""},
		{"with words that nobody asked for", "HTTP/1.1 408 Request Timeout\r\n\r\n"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := rawtest.StartRaw(t, func(conn net.Conn, _ string) bool {
				io.WriteString(conn, rawtest.Answered(rawtest.OKBody))
				time.Sleep(20 * time.Millisecond)
				io.WriteString(conn, row.farewell)
				return false
			})
			h := provenAt(t, nil, w.URL)
			for range 3 {
				mustSend(t, h, message("POST", "/p", "{}"))
				rawtest.WaitUntil(t, "the end of the idle connection", h.hosts[0].idleConnEnded)
			}
			if got := len(w.Received()); got != 3 || w.Connections() != 3 {
				t.Errorf("got %d requests over %d connections; want 3 over 3", got, w.Connections())
			}
		})
	}
}

// idleConnEnded reports whether the connection used last is of no use any more.
func (h *host) idleConnEnded() bool {
	h.idle.mu.Lock()
	defer h.idle.mu.Unlock()
	n := len(h.idle.conns)
	return n == 0 || !socket.IsSilent(h.idle.conns[n-1].socket)
}

func TestOnlyGETAndHEADAreSentAgainOnAConnectionThatWasClosed(t *testing.T) {
	t.Parallel()
	for method, wantAgain := range map[string]bool{"GET": true, "HEAD": true, "POST": false, "PUT": false, "DELETE": false} {
		t.Run(method, func(t *testing.T) {
			var mu sync.Mutex
			seen := map[net.Conn]bool{}
			w := rawtest.StartRaw(t, func(conn net.Conn, _ string) bool {
				mu.Lock()
				defer mu.Unlock()
				if seen[conn] {
					return false // a second request: closed while it was on its way
				}
				seen[conn] = true
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				return true
			})
			h := provenAt(t, nil, w.URL)
			mustSend(t, h, message(method, "/first", ""))
			err := sendError(h, message(method, "/second", ""))
			if (err == nil) != wantAgain || err != nil && !errors.Is(err, ErrBroken) {
				t.Errorf("got the error %v; want it sent again: %v", err, wantAgain)
			}
			want := map[bool]int{true: 3, false: 2}[wantAgain]
			if got := len(w.Received()); got != want {
				t.Errorf("got %d requests; want %d", got, want)
			}
		})
	}
}

func TestGETIsSentAgainOnceAndOnlyToAHostThatIsThere(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, nil)
	first := true
	w.Script = func(conn net.Conn, _ string) bool {
		if !first {
			return false
		}
		first = false
		io.WriteString(conn, rawtest.Answered(rawtest.OKBody))
		return true
	}
	h := provenAt(t, nil, w.URL)
	mustSend(t, h, message("GET", "/1", ""))
	if err := sendError(h, message("GET", "/2", "")); !errors.Is(err, ErrBroken) || errors.Is(err, errStale) {
		t.Errorf("got %v from a fresh connection that broke; want %v", err, ErrBroken)
	}
	if got := len(w.Received()); got != 3 {
		t.Errorf("got %d requests; want 3", got)
	}

	alone := rawtest.StartRaw(t, nil)
	alone.Script = func(conn net.Conn, request string) bool {
		if strings.HasPrefix(request, "GET /1") {
			io.WriteString(conn, rawtest.Answered(rawtest.OKBody))
			return true
		}
		alone.Ln.Close()
		return false
	}
	h = provenAt(t, nil, alone.URL)
	mustSend(t, h, message("GET", "/1", ""))
	if err := sendError(h, message("GET", "/2", "")); !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v; want %v", err, ErrUnreachable)
	}
}

func TestNextHostIsTriedWhenOneCannotBeReached(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, nil, rawtest.ClosedPort(t), w.URL)
	for range 3 {
		mustSend(t, h, message("POST", "/p", "{}"))
	}
	if got := w.Connections(); got != 1 {
		t.Errorf("got %d connections to the second host; want 1", got)
	}
	got := h.States()
	if !got[0].Down || !strings.Contains(got[0].Reason, "connection refused") || got[1].Down || got[1].Reason != "" {
		t.Errorf("got the states %v; want the first down, because it refuses connections", got)
	}
}

func TestHostThatIsDownIsTriedLast(t *testing.T) {
	t.Parallel()
	first, second := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered("1"))), rawtest.StartRaw(t, rawtest.Always(rawtest.Answered("2")))
	h := provenAt(t, nil, first.URL, second.URL)
	h.hosts[0].putDown()
	if got := mustSend(t, h, message("GET", "/", "")); got != "2" {
		t.Errorf("got the answer of host %s; want 2", got)
	}
	h.hosts[1].putDown()
	if got := mustSend(t, h, message("GET", "/", "")); got != "1" || h.hosts[0].isDown() {
		t.Errorf("got the answer of host %s, down %v; want 1, which is up again", got, h.hosts[0].isDown())
	}
}

func TestAnswerThatDoesNotComeIsATimeout(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, start string }{
		{"not a byte", ""},
		{"half a header", "HTTP/1.1 200 OK\r\nContent-"},
		{"interim answers only", "HTTP/1.1 100 Continue\r\n\r\n"},
		{"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"},
		{"half a part", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"},
		{"half a part's length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1"},
		{"no end", "HTTP/1.1 200 OK\r\n\r\n{"},
		{"no trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := rawtest.StartRaw(t, rawtest.Always(row.start))
			h := provenAt(t, func(c *HostsConfig) { c.Timeout = 500 * time.Millisecond }, w.URL)
			if err := sendError(h, message("GET", "/p", "")); !errors.Is(err, ErrTimeout) {
				t.Errorf("got %v; want %v", err, ErrTimeout)
			}
			rawtest.WaitUntil(t, "the request", func() bool { return len(w.Received()) > 0 })
			if got := len(w.Received()); got != 1 {
				t.Errorf("got %d requests; want 1", got)
			}
		})
	}
}

func TestSlowBodyIsReadAsLongAsItComes(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, func(conn net.Conn, _ string) bool {
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
		for range 5 {
			time.Sleep(220 * time.Millisecond)
			io.WriteString(conn, "x")
		}
		return true
	})
	h := provenAt(t, func(c *HostsConfig) { c.Timeout = time.Second }, w.URL)
	if got := mustSend(t, h, message("GET", "/p", "")); got != "xxxxx" {
		t.Errorf("got %q; want all five bytes", got)
	}
}

func TestUploadThatWeChatCutsIsNotSentAgain(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conns := 0
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conns++
			conn.Read(make([]byte, 1000))
			conn.Close()
		}
	})
	h := provenAt(t, nil, "http://"+ln.Addr().String())
	if err := sendError(h, message("POST", "/upload", strings.Repeat("x", 8<<20))); !errors.Is(err, ErrBroken) {
		t.Errorf("got %v; want %v", err, ErrBroken)
	}
	ln.Close()
	serving.Wait()
	if conns != 1 {
		t.Errorf("got %d connections; want 1", conns)
	}
}

func TestRequestsQueueForLessThanCallersWait(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{time.Second: time.Second, 30 * time.Second: 10 * time.Second} {
		if got := (&HostsConfig{Timeout: timeout}).queueTime(); got != want {
			t.Errorf("with a timeout of %v: got %v; want %v", timeout, got, want)
		}
	}
}

func TestTLSSessionsAreResumed(t *testing.T) {
	t.Parallel()
	wechat := wechattest.New(wechattest.App{ID: "wxshop", Secret: "s"})
	var mu sync.Mutex
	var resumed []bool
	server, err := wechat.StartTLS(func(s *http.Server) {
		inner := s.Handler
		s.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			resumed = append(resumed, r.TLS.DidResume)
			mu.Unlock()
			inner.ServeHTTP(rw, r)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.CA)
	h := provenAt(t, func(c *HostsConfig) { c.Roots = roots }, server.URL)
	for i := range 3 {
		if i == 2 {
			server.CloseIdle()
			rawtest.WaitUntil(t, "the end of the idle connection", h.hosts[0].idleConnEnded)
		}
		if got := mustSend(t, h, message("POST", "/cgi-bin/message/custom/send", "{}")); !strings.Contains(got, "41001") {
			t.Errorf("got %q; want WeChat to miss the token", got)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []bool{false, false, true}; !slices.Equal(resumed, want) {
		t.Errorf("got resumed sessions %v; want %v", resumed, want)
	}
}

func TestHostsAreNamedAsRequestsNameThem(t *testing.T) {
	h := provenAt(t, nil, "https://API.weixin.qq.com", "http://127.0.0.1:8080", "http://example.com", "https://[::1]")
	want := []string{
		"api.weixin.qq.com", "api.weixin.qq.com:80", "api.weixin.qq.com:443", "127.0.0.1:8080",
		"example.com", "example.com:80", "example.com:443", "[::1]", "[::1]:80", "[::1]:443",
	}
	if got := h.Names(); !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestHostsThatCannotBeUsedAreRefused(t *testing.T) {
	rows := []struct {
		name string
		urls []string
		want string
	}{
		{"none", nil, "got 0 upstream URLs; between 1 and 64 can be used"},
		{"too many", slices.Repeat([]string{"http://x"}, 65), "got 65 upstream URLs; between 1 and 64 can be used"},
		{"no URL", []string{"http://user:canary@x\x7f"}, "reading an upstream URL: net/url: invalid control character in URL"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if _, err := NewHosts(HostsConfig{URLs: row.urls}); fmt.Sprint(err) != row.want {
				t.Errorf("got %v; want %s", err, row.want)
			}
		})
	}
}
