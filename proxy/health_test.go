package proxy

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"wxproxy/proxy/internal/rawtest"
)

// A load balancer asks where it sends its requests to, and has no key.
func TestHealthIsToldToCallersWithoutAKey(t *testing.T) {
	t.Parallel()
	var ready, all atomic.Bool
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	c := withAccounts(hostsAt(t, nil, w.URL), []Client{keyed("orders", "orders-key")}, account("shop", "wxshop"), account("club", "wxclub"))
	c.Ready = func(every bool) bool { return every && all.Load() || !every && ready.Load() }
	s := serve(t, c, defaultLimits)
	kept := s.dial(t)
	check := func(when, path string, status int, body string) {
		t.Helper()
		for _, method := range []string{"GET", "HEAD"} {
			want := map[string]string{"GET": body}[method]
			if a := kept.Call(method + " " + path + " HTTP/1.1\r\nHost: lb.example\r\n\r\n"); a.Status() != status || a.Body != want {
				t.Errorf("%s, %s %s: got %q %s; want %d %s", when, method, path, a.Head, a.Body, status, want)
			}
		}
	}
	check("before there are tokens", "/wxproxy/healthz", 200, `{"status":"ok"}`)
	check("before there are tokens", "/wxproxy/readyz", 503, `{"ready":false}`)
	ready.Store(true)
	for _, path := range []string{"/wxproxy/readyz", "/@shop/wxproxy/readyz", "/wxproxy/ready%7A/?x=y"} {
		check("with a token", path, 200, `{"ready":true}`)
	}
	for _, path := range []string{"/wxproxy/readyz?all=1", "/wxproxy/readyz?x=y&%61ll=1"} {
		all.Store(false)
		check("with a token of one account", path, 503, `{"ready":false}`)
		all.Store(true)
		check("with tokens of all", path, 200, `{"ready":true}`)
	}
	for _, row := range []struct {
		raw    string
		status int
	}{
		{post("/wxproxy/healthz", "{}"), 400}, {"DELETE /wxproxy/readyz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{rawtest.Get("/wxproxy/readyz?all=0"), 400}, {rawtest.Get("/wxproxy/readyz?all"), 400}, {rawtest.Get("/wxproxy/readyz?all=1&all=1"), 400}, {rawtest.Get("/wxproxy/readyz?all=%zz"), 400},
		{rawtest.Get("/wxproxy/readyz?account=shop"), 400}, {rawtest.Get("/wxproxy/readyz?account=nobody"), 400},
		{rawtest.Get("/wxproxy/health"), 401}, {rawtest.Get("/wxproxy/health", "Authorization: Bearer orders-key", "Wxproxy-Account: shop"), 403},
	} {
		if a := s.dial(t).Call(row.raw); a.Status() != row.status {
			t.Errorf("%.40q: got %q %s; want %d", row.raw, a.Head, a.Body, row.status)
		}
	}
	// The rest of a body is not waited for: it would hold a place that callers with a key need.
	if a := s.dial(t).Call("GET /wxproxy/healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n{"); a.Status() != 200 || !strings.Contains(a.Head, "Connection: close") {
		t.Errorf("half a body: got %q; want 200 and the end of the connection", a.Head)
	}
	s.proxy.Leave()
	kept = s.dial(t)
	if a := kept.Call(rawtest.Get("/wxproxy/readyz")); a.Status() != 503 || a.Body != `{"ready":false,"draining":true}` {
		t.Errorf("draining: got %q %s; want 503", a.Head, a.Body)
	}
	if a := s.dial(t).Call(rawtest.Get("/wxproxy/healthz")); a.Status() != 200 || strings.Contains(a.Body, "shop") {
		t.Errorf("draining: got %q %s; want 200", a.Head, a.Body)
	}
	if got := w.Received(); len(got) > 0 {
		t.Errorf("WeChat got %q; want nothing", got)
	}
}

func TestHealthIsNobodysRequest(t *testing.T) {
	var log rawtest.Journal
	c := config(new(recorder))
	c.LogAccess, c.Log, c.Ready = true, slog.New(slog.NewTextHandler(&log, nil)), func(bool) bool { return false }
	p := New(c)
	handle(t, p, rawtest.Get("/wxproxy/healthz"))
	handle(t, p, rawtest.Get("/wxproxy/readyz"))
	if got := c.Counts.Snapshot().Requests; len(got) > 0 || log.String() != "" {
		t.Errorf("got %v counted, and the log %q; want nothing", got, log.String())
	}
	handle(t, p, post("/wxproxy/readyz", ""))
	if got := c.Counts.Snapshot().Requests; len(got) != 1 || !strings.Contains(log.String(), "bad_request") {
		t.Errorf("one that is refused: got %v counted, and the log %q; want one of each", got, log.String())
	}
}
