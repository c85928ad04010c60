package upstream_test

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wxproxy/accountkind"
	"wxproxy/proxy"
	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

// aToken is the Tokens of an account that has one.
type aToken struct{}

func (aToken) Token(time.Duration) (string, error)           { return "token", nil }
func (aToken) Replace(string, time.Duration) (string, error) { return "token", nil }

// serveThrough serves a proxy before the host with that URL.
func serveThrough(t *testing.T, log *slog.Logger, url string) (*upstream.Hosts, net.Addr) {
	t.Helper()
	h, err := upstream.NewHosts(upstream.HostsConfig{
		URLs: []string{url}, ConnectTimeout: 5 * time.Second, Timeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxConnections: 64, PlainIO: rawtest.IsPlain(), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Start()
	t.Cleanup(h.Close)
	p := proxy.New(proxy.Config{
		Accounts: []proxy.Account{{Name: "shop", AppID: "wxshop", Kind: &proxy.Kind{Table: &accountkind.WeChat, Upstream: h}, Tokens: aToken{}}}, HostNames: []string{"proxy"},
		TokenWait: time.Second, Log: slog.New(slog.DiscardHandler),
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := front.NewListener(ln)
	if err != nil {
		t.Fatal(err)
	}
	limits := front.Limits{MaxBody: 4 << 20, MaxConnections: 5000, IdleTimeout: time.Minute, PlainIO: rawtest.IsPlain()}
	go front.NewServer(p.Handler(), limits, slog.New(slog.DiscardHandler)).Serve(l)
	t.Cleanup(func() { l.Close() })
	return h, ln.Addr()
}

// What this machine lacks is not WeChat's fault: the host stays up, connections that
// rest are used, and who gets none is told why.
func TestWhatThisMachineLacksIsNotBlamedOnWeChat(t *testing.T) {
	t.Parallel()
	for errno, of := range map[syscall.Errno]string{
		syscall.EMFILE: "file descriptors", syscall.ENFILE: "file descriptors", syscall.EADDRNOTAVAIL: "local ports",
		syscall.ENOBUFS: "memory", syscall.ENOMEM: "memory", syscall.ENOSPC: "memory",
	} {
		t.Run(errno.Error(), func(t *testing.T) {
			t.Parallel()
			var log rawtest.Journal
			release := make(chan struct{})
			w := rawtest.StartRaw(t, func(conn net.Conn, request string) bool {
				if strings.Contains(request, "/slow") {
					<-release
				}
				fmt.Fprint(conn, rawtest.Answered(rawtest.OKBody))
				return true
			})
			h, addr := serveThrough(t, log.Log(), w.URL)
			var lack atomic.Value
			h.Lack(&lack)
			slow := rawtest.Dial(t, addr)
			slow.Send(rawtest.Get("/slow"))
			rawtest.WaitUntil(t, "the slow one's request", func() bool { return len(w.Received()) == 1 })
			lack.Store(errno)
			callers := []*rawtest.Caller{rawtest.Dial(t, addr), rawtest.Dial(t, addr)}
			for _, c := range callers {
				c.Send(rawtest.Get("/p"))
			}
			for _, c := range callers {
				a, err := rawtest.ReadAnswer(c.R, false)
				if err != nil || a.Status() != 503 || a.Field("Wxproxy-Error") != "upstream_busy" || a.Field("Retry-After") == "" || !strings.Contains(a.Body, "this machine is out of "+of) {
					t.Fatalf("got %q %q; want 503 upstream_busy for lack of %s", a.Head, a.Body, of)
				}
			}
			waiting := rawtest.Dial(t, addr)
			waiting.Send(rawtest.Get("/p"))
			close(release) // and the connection is free
			if a, err := rawtest.ReadAnswer(waiting.R, false); err != nil || a.Status() != 200 {
				t.Errorf("got %q %q, %v; want an answer over the connection that is there", a.Head, a.Body, err)
			}
			if states := h.States(); states[0].Down {
				t.Errorf("got %+v; want it up", states[0])
			}
			if n := strings.Count(log.String(), "this machine lacks"); n != 1 || strings.Contains(log.String(), "is down") {
				t.Errorf("got %q; want one line about it", log.String())
			}
		})
	}
}
