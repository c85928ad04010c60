package upstream

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
	"wxproxy/proxy/internal/rawtest"
)

func TestPausesBetweenProbesGrow(t *testing.T) {
	rows := []struct {
		probes int
		random float64
		want   time.Duration
	}{
		{0, 0, 250 * time.Millisecond},
		{0, 1, 200 * time.Millisecond},
		{1, 0, 500 * time.Millisecond},
		{3, 0, 2 * time.Second},
		{4, 0, 4 * time.Second},
		{5, 0, 4 * time.Second},
		{1 << 40, 0.5, 3600 * time.Millisecond},
	}
	for _, row := range rows {
		if got := probeAfter(row.probes, row.random); got != row.want {
			t.Errorf("after %d probes, random %v: got %v; want %v", row.probes, row.random, got, row.want)
		}
	}
}

func TestHostThatStaysDownIsProbedEverLessOftenAndNotByRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r resolver
		r.set(errNoSuchHost)
		h := bareHost(t, r.lookup)
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { h.watch(ctx) })
		if _, err := h.connect(ctx); err == nil {
			t.Fatal("got a connection to a host without an address")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := len(r.asked); got < 17 || got > 22 { // the request, five in the first 8 s, then one every 3.2 to 4 s
			t.Errorf("got %d attempts within a minute; want about 20", got)
		}
		if got := h.condition.Load(); !got.isDown() || time.Since(got.since) != time.Minute || !strings.Contains(got.reason, "no such host") {
			t.Errorf("got %+v; want the host down for a minute, and why", got)
		}
		stop()
		watching.Wait()
	})
}

func TestHostComesBackWhenAProbeReachesIt(t *testing.T) {
	t.Parallel()
	wechat := wechattest.New()
	first, err := wechat.StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(first.Close)
	second := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered("2")))
	var j rawtest.Journal
	h := provenAt(t, func(c *HostsConfig) {
		c.Log = j.Log()
		c.Roots = trusting(first)
	}, first.URL, second.URL)
	post := func() string { return mustSend(t, h, message("POST", "/cgi-bin/message/custom/send", "{}")) }
	if got := post(); got == "2" {
		t.Fatalf("got the answer %q; want the first host's", got)
	}
	first.Close()
	var calls sync.WaitGroup
	for range 100 {
		calls.Go(func() {
			if got := post(); got != "2" {
				t.Errorf("got the answer %q; want the second host's", got)
			}
		})
	}
	calls.Wait()
	down := h.States()[0]
	if !down.Down || time.Since(down.Since) > 10*time.Second || !strings.Contains(down.Reason, "connection refused") {
		t.Errorf("got %+v; want the host down, since now, because it refuses connections", down)
	}
	before := wechat.Calls("*")
	if err := first.Restart(); err != nil {
		t.Fatal(err)
	}
	rawtest.WaitUntil(t, "the first host up", func() bool { return !h.States()[0].Down })
	if got := wechat.Calls("*") - before; got != 0 {
		t.Errorf("got %d requests from probes; want none", got)
	}
	if got := post(); got == "2" {
		t.Errorf("got the answer %q; want the first host's", got)
	}
	if up := h.States()[0]; up.Reason != "" || !up.Since.After(down.Since) {
		t.Errorf("got %+v; want the host up, without a reason, since later", up)
	}
	downs, text := j.Lines("upstream host is down")
	if !regexp.MustCompile(`down_for":"[0-9.]+(ms|s)"|down_for=[0-9.]+(ms|s)`).MatchString(text) {
		t.Errorf("got the log %s; want how long it was down, with a unit", text)
	}
	if ups, _ := j.Lines("upstream host is up again"); downs != 1 || ups != 1 || strings.Count(text, "\n") != 2 {
		t.Errorf("got the log %s; want one line for each change", text)
	}
}

func trusting(server *wechattest.Server) (roots *x509.CertPool) {
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(server.CA)
	return roots
}

// A black hole is noticed by one request after the connect time-out. Those that
// came after it wait no longer, and those that come later not at all.
func TestBlackHoleIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	const connectTimeout = 2 * time.Second
	hole := listenOn(t, "127.0.0.1:0")
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, func(c *HostsConfig) { c.ConnectTimeout = connectTimeout }, "https://"+hole.Addr().String(), w.URL)
	took := func() time.Duration {
		start := time.Now()
		mustSend(t, h, message("POST", "/p", "{}"))
		return time.Since(start)
	}
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() {
			if got := took(); got < connectTimeout/2 || got > 4*connectTimeout {
				t.Errorf("got an answer after %v; want it after about %v", got, connectTimeout)
			}
		})
	}
	time.Sleep(connectTimeout * 7 / 10)
	for range 20 {
		calls.Go(func() {
			if got := took(); got > connectTimeout {
				t.Errorf("a later request: got an answer after %v; want it after about %v", got, connectTimeout*3/10)
			}
		})
	}
	calls.Wait()
	for range 5 {
		if got := took(); got > connectTimeout {
			t.Errorf("a request after that: got an answer after %v; want it at once", got)
		}
	}
}

// A host for every way not to be reached: requests go to the next one.
func TestRequestsGoToTheNextHost(t *testing.T) {
	t.Parallel()
	untrusted, err := wechattest.New().StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(untrusted.Close)
	plain, err := wechattest.New().Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(plain.Close)
	rows := []struct{ name, url, reason string }{
		{"refused", rawtest.ClosedPort(t), "connection refused"},
		{"unknown name", "https://unknown.invalid", "no such host"},
		{"certificate that nobody trusts", untrusted.URL, "certificate"},
		{"certificate of another name", strings.Replace(untrusted.URL, "127.0.0.1", "example.com", 1), "certificate is valid for"},
		{"no TLS", strings.Replace(plain.URL, "http:", "https:", 1), "first record does not look like a TLS handshake"},
		{"no handshake", "https://" + listenOn(t, "127.0.0.1:0").Addr().String(), "deadline exceeded"},
		{"unroutable", "http://[2001:db8::1]", "connecting"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
			h := provenAt(t, func(c *HostsConfig) {
				c.ConnectTimeout = 2 * time.Second
				c.Roots = x509.NewCertPool()
				if strings.Contains(row.url, "example.com") {
					c.Roots = trusting(untrusted)
				}
				c.Lookup = func(_ context.Context, name string) ([]netip.Addr, error) {
					if name == "unknown.invalid" {
						return nil, errNoSuchHost
					}
					return ips("127.0.0.1"), nil
				}
			}, row.url, w.URL)
			for range 3 {
				mustSend(t, h, message("POST", "/p", "{}"))
			}
			if got := h.States(); !got[0].Down || !strings.Contains(got[0].Reason, row.reason) || got[1].Down {
				t.Errorf("got %+v; want the first host down because of %q", got, row.reason)
			}
			if got := len(w.Received()); got != 3 {
				t.Errorf("got %d requests at the second host; want 3", got)
			}
		})
	}
}

func TestRequestThatWasWrittenDoesNotGoToTheNextHost(t *testing.T) {
	t.Parallel()
	first := rawtest.StartRaw(t, func(net.Conn, string) bool { return false })
	second := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, nil, first.URL, second.URL)
	for _, method := range []string{"POST", "GET"} {
		if err := sendError(h, message(method, "/p", "{}")); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: got %v; want %v", method, err, ErrBroken)
		}
	}
	if len(first.Received()) != 2 || len(second.Received()) != 0 || h.States()[0].Down {
		t.Errorf("got %d and %d requests; want 2 and none", len(first.Received()), len(second.Received()))
	}
}

func TestIdleConnectionsToAHostThatIsDownAreNotUsed(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	w := rawtest.StartRaw(t, func(conn net.Conn, request string) bool {
		if strings.HasPrefix(request, "GET /held") {
			<-release
		}
		io.WriteString(conn, rawtest.Answered(rawtest.OKBody))
		return true
	})
	h := provenAt(t, nil, w.URL)
	var calls sync.WaitGroup
	calls.Go(func() { mustSend(t, h, message("GET", "/held", "")) })
	rawtest.WaitUntil(t, "the held request", func() bool { return len(w.Received()) == 1 })
	mustSend(t, h, message("GET", "/", ""))
	h.hosts[0].putDown()
	close(release)
	calls.Wait()
	if got := h.hosts[0].idle.count(); got != 0 {
		t.Errorf("got %d idle connections; want none", got)
	}
	mustSend(t, h, message("GET", "/", ""))
	if got := w.Connections(); got < 3 {
		t.Errorf("got %d connections; want a new one", got)
	}
}

// An attempt that ends because another one has found the host down says why it is down.
func TestAnAttemptThatEndsByAnotherOneSaysWhy(t *testing.T) {
	t.Parallel()
	h := hostsAt(t, nil, "http://127.0.0.1:1").hosts[0]
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	h.goDown(h.condition.Load(), refused)
	if err := h.withCause(errWentDown); !errors.Is(err, syscall.ECONNREFUSED) || !errors.Is(err, errWentDown) {
		t.Errorf("got %v; want %v in it", err, refused)
	}
	if err := h.withCause(context.Canceled); !errors.Is(err, context.Canceled) || errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v; want it as it was", err)
	}
}

func TestNothingRunsAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine stays
		var r resolver
		r.set(errNoSuchHost)
		h, err := NewHosts(HostsConfig{
			URLs: []string{"https://api.weixin.qq.com", "https://api2.weixin.qq.com"}, ConnectTimeout: time.Second,
			IdleTimeout: time.Second, MaxConnections: 5, Lookup: r.lookup,
		})
		if err != nil {
			t.Fatal(err)
		}
		h.Start()
		if _, _, err := h.Dial(t.Context(), nil); !errors.Is(err, ErrUnreachable) {
			t.Errorf("got %v; want %v", err, ErrUnreachable)
		}
		time.Sleep(time.Second)
		h.Close()
		asked := len(r.asked)
		time.Sleep(time.Hour)
		if got := len(r.asked); got != asked {
			t.Errorf("got %d lookups after Close; want none", got-asked)
		}
	})
}
