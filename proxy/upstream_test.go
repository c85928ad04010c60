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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/wechattest"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

func sendError(h *upstream.Hosts, m *upstream.Message) error {
	return h.Send(m, new(fasthttp.Response))
}

func TestNothingIsSentWhenNoHostCanBeReached(t *testing.T) {
	t.Parallel()
	h := hostsAt(t, nil, rawtest.ClosedPort(t), rawtest.ClosedPort(t))
	err := sendError(h, message("POST", "/p?access_token=canary", "{}"))
	if !errors.Is(err, upstream.ErrUnreachable) {
		t.Errorf("got %v; want %v", err, upstream.ErrUnreachable)
	}
	for _, host := range h.States() {
		if !strings.Contains(err.Error(), host.URL) {
			t.Errorf("got %q; want it to name %s", err, host.URL)
		}
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("got %q, which holds the query", err)
	}
	a := serve(t, config(h), defaultLimits).dial(t).Call(post("/p", "{}"))
	if a.Status() != 502 || !strings.Contains(a.Body, "nothing was sent") {
		t.Errorf("got %q %q; want 502", a.Head, a.Body)
	}
}

func TestRequestsWaitForAFreeConnection(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	w := rawtest.StartRaw(t, func(conn net.Conn, request string) bool {
		if strings.HasPrefix(request, "GET /held") {
			<-release
		}
		io.WriteString(conn, rawtest.Answered(rawtest.OKBody))
		return true
	})
	h := hostsAt(t, func(c *upstream.HostsConfig) { c.MaxConnections, c.Timeout = 1, 10*time.Second }, w.URL)
	var calls sync.WaitGroup
	var heldErr, waitingErr error
	calls.Go(func() { heldErr = sendError(h, message("GET", "/held", "")) })
	rawtest.WaitUntil(t, "the first request", func() bool { return len(w.Received()) == 1 })
	calls.Go(func() { waitingErr = sendError(h, message("GET", "/waits", "")) })
	time.Sleep(50 * time.Millisecond)
	if got := len(w.Received()); got != 1 {
		t.Errorf("got %d requests at a time; want 1", got)
	}
	close(release)
	calls.Wait()
	if heldErr != nil || waitingErr != nil || w.Connections() != 1 {
		t.Errorf("got %v and %v over %d connections; want both answered over 1", heldErr, waitingErr, w.Connections())
	}

	none := hostsAt(t, func(c *upstream.HostsConfig) { c.MaxConnections, c.Timeout = 0, 20*time.Millisecond }, w.URL)
	a := serve(t, config(none), defaultLimits).dial(t).Call(rawtest.Get("/p"))
	if a.Status() != 503 || a.Field("Wxproxy-Error") != "upstream_busy" || a.Field("Retry-After") != "1" {
		t.Errorf("got %q; want 503 upstream_busy", a.Head)
	}
}

func TestRequestWhoseCallerLeftTheQueueIsNotSent(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	w := rawtest.StartRaw(t, func(conn net.Conn, request string) bool {
		if strings.HasPrefix(request, "GET /held") {
			<-release
		}
		io.WriteString(conn, rawtest.Answered(rawtest.OKBody))
		return true
	})
	h := hostsAt(t, func(c *upstream.HostsConfig) { c.MaxConnections = 1 }, w.URL)
	s := serve(t, config(h), defaultLimits)
	held, leaves, stays := s.dial(t), s.dial(t), s.dial(t)
	held.Send(rawtest.Get("/held"))
	rawtest.WaitUntil(t, "the first request", func() bool { return len(w.Received()) == 1 })
	leaves.Send(post("/left", "{}"))
	stays.Send(rawtest.Get("/stays") + rawtest.Get("/stays"))
	rawtest.WaitUntil(t, "three requests", func() bool { return s.proxy.InFlight() == 3 })
	time.Sleep(200 * time.Millisecond) // until they queue
	leaves.Conn.Close()
	close(release)
	for range 2 {
		if a, err := rawtest.ReadAnswer(stays.R, false); err != nil || a.Body != rawtest.OKBody {
			t.Errorf("who stays got %v, %q %q; want an answer", err, a.Head, a.Body)
		}
	}
	rawtest.WaitUntil(t, "the end", func() bool { return s.proxy.InFlight() == 0 })
	for _, request := range w.Received() {
		if strings.Contains(request, "/left") {
			t.Errorf("got %q; want nothing of a caller that left", request)
		}
	}
}

// A caller that has closed its half of the connection, as some do after their last
// request, still waits for the answer.
func TestCallerThatHalfClosesWhileItQueuesGetsItsAnswer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	w := rawtest.StartRaw(t, func(conn net.Conn, request string) bool {
		if strings.HasPrefix(request, "GET /held") {
			<-release
		}
		io.WriteString(conn, rawtest.Answered(rawtest.OKBody))
		return true
	})
	h := hostsAt(t, func(c *upstream.HostsConfig) { c.MaxConnections = 1 }, w.URL)
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	tcp, unix := serve(t, config(h), defaultLimits), serveOn(t, ln, config(h), defaultLimits)
	held := tcp.dial(t)
	held.Send(rawtest.Get("/held"))
	rawtest.WaitUntil(t, "the first request", func() bool { return len(w.Received()) == 1 })
	var queued []*rawtest.Caller
	for _, s := range []*service{tcp, unix} {
		for _, request := range []string{rawtest.Get("/p"), post("/p", "{}"), post("/p", string(rawtest.Noise(100_000)))} {
			c := s.dial(t)
			c.Send(request)
			if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			queued = append(queued, c)
		}
	}
	rawtest.WaitUntil(t, "all to queue", func() bool { return tcp.proxy.InFlight()+unix.proxy.InFlight() == 1+len(queued) })
	time.Sleep(20 * time.Millisecond)
	close(release)
	for i, c := range queued {
		a, err := rawtest.ReadAnswer(c.R, false)
		for err == nil && a.Status() == 100 {
			a, err = rawtest.ReadAnswer(c.R, false)
		}
		if err != nil || a.Status() != 200 || a.Body != rawtest.OKBody || !c.Ended() {
			t.Errorf("caller %d: got %q %q, %v; want an answer and the end", i+1, a.Head, a.Body, err)
		}
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
			h := hostsAt(t, func(c *upstream.HostsConfig) { c.Roots = row.roots }, row.url)
			err := sendError(h, message("POST", "/p", "{}"))
			if !errors.Is(err, upstream.ErrUnreachable) || !strings.Contains(err.Error(), "x509") {
				t.Errorf("got %v; want %v because of the certificate", err, upstream.ErrUnreachable)
			}
			a := serve(t, config(h), defaultLimits).dial(t).Call(rawtest.Get("/p"))
			if a.Status() != 502 || strings.Contains(a.Body, "x509") {
				t.Errorf("got %q %q; want 502 without the reason", a.Head, a.Body)
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
	if a := s.dial(t).Call(post("/cgi-bin/message/custom/send", `{"n":"first"}`)); !strings.Contains(a.Body, `"errcode":0`) {
		t.Fatalf("got %q; want success", a.Body)
	}
	wechat.Revoke("wxshop")

	var calls sync.WaitGroup
	connected := make([]*rawtest.Caller, callers)
	for i := range connected {
		connected[i] = s.dial(t)
	}
	for i, c := range connected {
		calls.Go(func() {
			io.WriteString(c.Conn, post("/cgi-bin/message/custom/send", fmt.Sprintf(`{"n":%d}`, i)))
			a, err := rawtest.ReadAnswer(c.R, false)
			if err != nil || a.Status() != 200 || !strings.Contains(a.Body, `"errcode":0`) {
				t.Errorf("request %d: got %v, %q %q; want success", i, err, a.Head, a.Body)
			}
			c.Conn.Close()
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
