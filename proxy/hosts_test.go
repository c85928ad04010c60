package proxy

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/wechattest"
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

// closedPort returns the URL of a port that nobody listens on, and nobody can:
// it is the caller's end of a connection.
func closedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		ln.Close()
	})
	return "http://" + conn.LocalAddr().String()
}

func TestConnectionIsUsedAgain(t *testing.T) {
	t.Parallel()
	w := startRaw(t, always(answered(okBody)))
	h := provenAt(t, nil, w.url)
	for range 5 {
		mustSend(t, h, message("POST", "/p", "{}"))
	}
	if got := w.connections(); got != 1 {
		t.Errorf("got %d connections; want 1", got)
	}
	h.Close()
	mustSend(t, h, message("POST", "/p", "{}"))
	if got := w.connections(); got != 2 {
		t.Errorf("got %d connections after Close; want 2", got)
	}
}

func TestConnectionThatWasIdleForTooLongIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	w := startRaw(t, always(answered(okBody)))
	h := provenAt(t, func(c *HostsConfig) { c.IdleTimeout = 0 }, w.url)
	for range 3 {
		mustSend(t, h, message("POST", "/p", "{}"))
	}
	if got := w.connections(); got != 3 {
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
			w := startRaw(t, func(conn net.Conn, _ string) bool {
				io.WriteString(conn, answered(okBody))
				time.Sleep(20 * time.Millisecond)
				io.WriteString(conn, row.farewell)
				return false
			})
			h := provenAt(t, nil, w.url)
			for range 3 {
				mustSend(t, h, message("POST", "/p", "{}"))
				waitUntil(t, "the end of the idle connection", h.hosts[0].idleConnEnded)
			}
			if got := len(w.received()); got != 3 || w.connections() != 3 {
				t.Errorf("got %d requests over %d connections; want 3 over 3", got, w.connections())
			}
		})
	}
}

// idleConnEnded reports whether the connection used last is of no use any more.
func (h *host) idleConnEnded() bool {
	h.idle.mu.Lock()
	defer h.idle.mu.Unlock()
	n := len(h.idle.conns)
	return n == 0 || !isSilent(h.idle.conns[n-1].socket)
}

func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

func TestOnlyGETAndHEADAreSentAgainOnAConnectionThatWasClosed(t *testing.T) {
	t.Parallel()
	for method, wantAgain := range map[string]bool{"GET": true, "HEAD": true, "POST": false, "PUT": false, "DELETE": false} {
		t.Run(method, func(t *testing.T) {
			var mu sync.Mutex
			seen := map[net.Conn]bool{}
			w := startRaw(t, func(conn net.Conn, _ string) bool {
				mu.Lock()
				defer mu.Unlock()
				if seen[conn] {
					return false // a second request: closed while it was on its way
				}
				seen[conn] = true
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				return true
			})
			h := provenAt(t, nil, w.url)
			mustSend(t, h, message(method, "/first", ""))
			err := sendError(h, message(method, "/second", ""))
			if (err == nil) != wantAgain || err != nil && !errors.Is(err, ErrBroken) {
				t.Errorf("got the error %v; want it sent again: %v", err, wantAgain)
			}
			want := map[bool]int{true: 3, false: 2}[wantAgain]
			if got := len(w.received()); got != want {
				t.Errorf("got %d requests; want %d", got, want)
			}
		})
	}
}

func TestGETIsSentAgainOnceAndOnlyToAHostThatIsThere(t *testing.T) {
	t.Parallel()
	w := startRaw(t, nil)
	first := true
	w.script = func(conn net.Conn, _ string) bool {
		if !first {
			return false
		}
		first = false
		io.WriteString(conn, answered(okBody))
		return true
	}
	h := provenAt(t, nil, w.url)
	mustSend(t, h, message("GET", "/1", ""))
	if err := sendError(h, message("GET", "/2", "")); !errors.Is(err, ErrBroken) || errors.Is(err, errStale) {
		t.Errorf("got %v from a fresh connection that broke; want %v", err, ErrBroken)
	}
	if got := len(w.received()); got != 3 {
		t.Errorf("got %d requests; want 3", got)
	}

	alone := startRaw(t, nil)
	alone.script = func(conn net.Conn, request string) bool {
		if strings.HasPrefix(request, "GET /1") {
			io.WriteString(conn, answered(okBody))
			return true
		}
		alone.ln.Close()
		return false
	}
	h = provenAt(t, nil, alone.url)
	mustSend(t, h, message("GET", "/1", ""))
	if err := sendError(h, message("GET", "/2", "")); !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v; want %v", err, ErrUnreachable)
	}
}

func TestNextHostIsTriedWhenOneCannotBeReached(t *testing.T) {
	t.Parallel()
	w := startRaw(t, always(answered(okBody)))
	h := provenAt(t, nil, closedPort(t), w.url)
	for range 3 {
		mustSend(t, h, message("POST", "/p", "{}"))
	}
	if got := w.connections(); got != 1 {
		t.Errorf("got %d connections to the second host; want 1", got)
	}
	got := h.States()
	if !got[0].Down || !strings.Contains(got[0].Reason, "connection refused") || got[1].Down || got[1].Reason != "" {
		t.Errorf("got the states %v; want the first down, because it refuses connections", got)
	}
}

func TestHostThatIsDownIsTriedLast(t *testing.T) {
	t.Parallel()
	first, second := startRaw(t, always(answered("1"))), startRaw(t, always(answered("2")))
	h := provenAt(t, nil, first.url, second.url)
	h.hosts[0].putDown()
	if got := mustSend(t, h, message("GET", "/", "")); got != "2" {
		t.Errorf("got the answer of host %s; want 2", got)
	}
	h.hosts[1].putDown()
	if got := mustSend(t, h, message("GET", "/", "")); got != "1" || h.hosts[0].isDown() {
		t.Errorf("got the answer of host %s, down %v; want 1, which is up again", got, h.hosts[0].isDown())
	}
}

func TestNothingIsSentWhenNoHostCanBeReached(t *testing.T) {
	t.Parallel()
	h := hostsAt(t, nil, closedPort(t), closedPort(t))
	err := sendError(h, message("POST", "/p?access_token=canary", "{}"))
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v; want %v", err, ErrUnreachable)
	}
	for _, host := range h.States() {
		if !strings.Contains(err.Error(), host.URL) {
			t.Errorf("got %q; want it to name %s", err, host.URL)
		}
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("got %q, which holds the query", err)
	}
	a := serve(t, config(h), defaultLimits).dial(t).call(post("/p", "{}"))
	if a.status() != 502 || !strings.Contains(a.body, "nothing was sent") {
		t.Errorf("got %q %q; want 502", a.head, a.body)
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
			w := startRaw(t, always(row.start))
			h := provenAt(t, func(c *HostsConfig) { c.Timeout = 60 * time.Millisecond }, w.url)
			if err := sendError(h, message("GET", "/p", "")); !errors.Is(err, ErrTimeout) {
				t.Errorf("got %v; want %v", err, ErrTimeout)
			}
			waitUntil(t, "the request", func() bool { return len(w.received()) > 0 })
			if got := len(w.received()); got != 1 {
				t.Errorf("got %d requests; want 1", got)
			}
		})
	}
}

func TestSlowBodyIsReadAsLongAsItComes(t *testing.T) {
	t.Parallel()
	w := startRaw(t, func(conn net.Conn, _ string) bool {
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
		for range 5 {
			time.Sleep(220 * time.Millisecond)
			io.WriteString(conn, "x")
		}
		return true
	})
	h := provenAt(t, func(c *HostsConfig) { c.Timeout = time.Second }, w.url)
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

func TestRequestsWaitForAFreeConnection(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	w := startRaw(t, func(conn net.Conn, request string) bool {
		if strings.HasPrefix(request, "GET /held") {
			<-release
		}
		io.WriteString(conn, answered(okBody))
		return true
	})
	h := hostsAt(t, func(c *HostsConfig) { c.MaxConnections, c.Timeout = 1, 10*time.Second }, w.url)
	var calls sync.WaitGroup
	var heldErr, waitingErr error
	calls.Go(func() { heldErr = sendError(h, message("GET", "/held", "")) })
	waitUntil(t, "the first request", func() bool { return len(w.received()) == 1 })
	calls.Go(func() { waitingErr = sendError(h, message("GET", "/waits", "")) })
	time.Sleep(50 * time.Millisecond)
	if got := len(w.received()); got != 1 {
		t.Errorf("got %d requests at a time; want 1", got)
	}
	close(release)
	calls.Wait()
	if heldErr != nil || waitingErr != nil || w.connections() != 1 {
		t.Errorf("got %v and %v over %d connections; want both answered over 1", heldErr, waitingErr, w.connections())
	}

	none := hostsAt(t, func(c *HostsConfig) { c.MaxConnections, c.Timeout = 0, 20*time.Millisecond }, w.url)
	a := serve(t, config(none), defaultLimits).dial(t).call(get("/p"))
	if a.status() != 503 || a.field("Wxproxy-Error") != "upstream_busy" || a.field("Retry-After") != "1" {
		t.Errorf("got %q; want 503 upstream_busy", a.head)
	}
}

func TestRequestWhoseCallerLeftTheQueueIsNotSent(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	w := startRaw(t, func(conn net.Conn, request string) bool {
		if strings.HasPrefix(request, "GET /held") {
			<-release
		}
		io.WriteString(conn, answered(okBody))
		return true
	})
	h := hostsAt(t, func(c *HostsConfig) { c.MaxConnections = 1 }, w.url)
	s := serve(t, config(h), defaultLimits)
	held, leaves, stays := s.dial(t), s.dial(t), s.dial(t)
	held.send(get("/held"))
	waitUntil(t, "the first request", func() bool { return len(w.received()) == 1 })
	leaves.send(post("/left", "{}"))
	stays.send(get("/stays") + get("/stays"))
	waitUntil(t, "three requests", func() bool { return s.proxy.InFlight() == 3 })
	time.Sleep(20 * time.Millisecond) // until they queue
	leaves.conn.Close()
	close(release)
	for range 2 {
		if a, err := readAnswer(stays.r, false); err != nil || a.body != okBody {
			t.Errorf("who stays got %v, %q %q; want an answer", err, a.head, a.body)
		}
	}
	waitUntil(t, "the end", func() bool { return s.proxy.InFlight() == 0 })
	for _, request := range w.received() {
		if strings.Contains(request, "/left") {
			t.Errorf("got %q; want nothing of a caller that left", request)
		}
	}
}

// Who has only ended its half of the connection, as some do behind their last
// request, waits for the answer.
func TestCallerThatHalfClosesWhileItQueuesGetsItsAnswer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	w := startRaw(t, func(conn net.Conn, request string) bool {
		if strings.HasPrefix(request, "GET /held") {
			<-release
		}
		io.WriteString(conn, answered(okBody))
		return true
	})
	h := hostsAt(t, func(c *HostsConfig) { c.MaxConnections = 1 }, w.url)
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	tcp, unix := serve(t, config(h), defaultLimits), serveOn(t, ln, config(h), defaultLimits)
	held := tcp.dial(t)
	held.send(get("/held"))
	waitUntil(t, "the first request", func() bool { return len(w.received()) == 1 })
	var queued []*caller
	for _, s := range []*service{tcp, unix} {
		for _, request := range []string{get("/p"), post("/p", "{}"), post("/p", string(noise(100_000)))} {
			c := s.dial(t)
			c.send(request)
			if err := c.conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			queued = append(queued, c)
		}
	}
	waitUntil(t, "all to queue", func() bool { return tcp.proxy.InFlight()+unix.proxy.InFlight() == 1+len(queued) })
	time.Sleep(20 * time.Millisecond)
	close(release)
	for i, c := range queued {
		a, err := readAnswer(c.r, false)
		for err == nil && a.status() == 100 {
			a, err = readAnswer(c.r, false)
		}
		if err != nil || a.status() != 200 || a.body != okBody || !c.ended() {
			t.Errorf("caller %d: got %q %q, %v; want an answer and the end", i+1, a.head, a.body, err)
		}
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
			waitUntil(t, "the end of the idle connection", h.hosts[0].idleConnEnded)
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

func TestHostWithAWrongCertificateIsNotTalkedTo(t *testing.T) {
	t.Parallel()
	wechat := wechattest.New()
	server, err := wechat.StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.CA)
	rows := []struct {
		name, url string
		roots     *x509.CertPool
	}{
		{"of an authority that is not trusted", server.URL, x509.NewCertPool()},
		{"of another name", strings.Replace(server.URL, "127.0.0.1", "127.0.0.2", 1), roots},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if row.url != server.URL { // another address with the same certificate
				forward(t, strings.TrimPrefix(row.url, "https://"), strings.TrimPrefix(server.URL, "https://"))
			}
			h := hostsAt(t, func(c *HostsConfig) { c.Roots = row.roots }, row.url)
			err := sendError(h, message("POST", "/p", "{}"))
			if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "x509") {
				t.Errorf("got %v; want %v because of the certificate", err, ErrUnreachable)
			}
			a := serve(t, config(h), defaultLimits).dial(t).call(get("/p"))
			if a.status() != 502 || strings.Contains(a.body, "x509") {
				t.Errorf("got %q %q; want 502 without the reason", a.head, a.body)
			}
		})
	}
	if got := wechat.Calls("*"); got != 0 {
		t.Errorf("WeChat got %d requests; want none", got)
	}
}

// forward passes connections to from on to to.
func forward(t *testing.T, from, to string) {
	t.Helper()
	ln, err := net.Listen("tcp", from)
	if err != nil {
		t.Skipf("this system has no second loopback address: %v", err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			go func() { io.Copy(out, in); out.Close() }()
			go func() { io.Copy(in, out); in.Close() }()
		}
	}()
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

func TestConnectionThatCannotBeLookedIntoCountsAsSilent(t *testing.T) {
	in, out := net.Pipe()
	defer out.Close()
	defer in.Close()
	if !isSilent(in) {
		t.Error("got a pipe that is not silent; want it used")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if !isSilent(c) {
		t.Error("got an open connection that is not silent")
	}
	c.Close()
	if isSilent(c) {
		t.Error("got a closed connection that is silent")
	}
}

// A thousand callers whose token has just died: one fetch, each is answered
// with success, and each effect is there once.
func TestThousandRequestsAfterARevokedTokenAllSucceed(t *testing.T) {
	t.Parallel()
	const callers = 1000
	wechat := wechattest.New(wechattest.App{ID: "wxshop", Secret: "s"})
	server, err := wechat.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	tokens := &sharedTokens{fetch: func() (string, error) { return fetchToken(server.URL) }}
	s := serve(t, config(hostsAt(t, nil, server.URL), shopWith(tokens)...), defaultLimits)
	if a := s.dial(t).call(post("/cgi-bin/message/custom/send", `{"n":"first"}`)); !strings.Contains(a.body, `"errcode":0`) {
		t.Fatalf("got %q; want success", a.body)
	}
	wechat.Revoke("wxshop")

	var calls sync.WaitGroup
	connected := make([]*caller, callers)
	for i := range connected {
		connected[i] = s.dial(t)
	}
	for i, c := range connected {
		calls.Go(func() {
			io.WriteString(c.conn, post("/cgi-bin/message/custom/send", fmt.Sprintf(`{"n":%d}`, i)))
			a, err := readAnswer(c.r, false)
			if err != nil || a.status() != 200 || !strings.Contains(a.body, `"errcode":0`) {
				t.Errorf("request %d: got %v, %q %q; want success", i, err, a.head, a.body)
			}
			c.conn.Close()
		})
	}
	calls.Wait()
	if tokens.fetches != 2 {
		t.Errorf("got %d fetches; want one at the start and one after the revocation", tokens.fetches)
	}
	effects := map[string]int{}
	for _, m := range wechat.Sent() {
		effects[string(m.Body)]++
	}
	if len(effects) != callers+1 || len(wechat.Sent()) != callers+1 {
		t.Errorf("got %d messages, %d of them different; want %d", len(wechat.Sent()), len(effects), callers+1)
	}
	if got := wechat.Doubled(); got != 0 {
		t.Errorf("got %d requests with more than one token", got)
	}
}

// fetchToken asks for a stable token.
func fetchToken(base string) (string, error) {
	body := `{"grant_type":"client_credential","appid":"wxshop","secret":"s"}`
	resp, err := http.Post(base+"/cgi-bin/stable_token", "application/json", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	_, rest, _ := bytes.Cut(answer, []byte(`"access_token":"`))
	token, _, found := bytes.Cut(rest, []byte(`"`))
	if !found {
		return "", fmt.Errorf("no token in %.60q", answer)
	}
	return string(token), nil
}
