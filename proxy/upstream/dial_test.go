package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
	"wxproxy/proxy/internal/rawtest"
)

func ips(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

func TestAddressesOfBothFamiliesTakeTurns(t *testing.T) {
	rows := []struct {
		name      string
		got, want []netip.Addr
	}{
		{"one", ips("1.1.1.1"), ips("1.1.1.1")},
		{"version 6 preferred", ips("::1", "::2", "::3", "1.1.1.1", "1.1.1.2"), ips("::1", "1.1.1.1", "::2", "1.1.1.2", "::3")},
		{"version 4 preferred", ips("1.1.1.1", "::1", "::2"), ips("1.1.1.1", "::1", "::2")},
		{"version 4 in version 6", ips("::ffff:1.1.1.1", "1.1.1.2", "::1"), ips("1.1.1.1", "::1", "1.1.1.2")},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got := interleave(row.got); !slices.Equal(got, row.want) {
				t.Errorf("got %v; want %v", got, row.want)
			}
		})
	}
}

// network is what becomes of attempts to connect.
type network struct {
	mu      sync.Mutex // guards what follows
	open    int        // connections that were made and not closed
	running int
}

// attempt goes by the last number of the address: 1 is connected at once, 2
// refused after 10 ms, 3 a black hole of 3 s, 4 connected after 300 ms, even if
// nobody waits any more.
func (n *network) attempt(ctx context.Context, ip netip.Addr) (*conn, error) {
	n.add(0, 1)
	defer n.add(0, -1)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	switch bytes := ip.As16(); bytes[15] {
	case 2:
		time.Sleep(10 * time.Millisecond)
		return nil, errors.New("refused")
	case 3:
		<-ctx.Done()
		return nil, ctx.Err()
	case 4:
		time.Sleep(300 * time.Millisecond)
	}
	n.add(1, 0)
	near, _ := net.Pipe()
	return &conn{Conn: &counted{near, n}}, nil
}

func (n *network) add(open, running int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open += open
	n.running += running
}

type counted struct {
	net.Conn
	network *network
}

func (c *counted) Close() error {
	c.network.add(-1, 0)
	return nil
}

func TestRaceIsWonByTheFirstAddressThatCanBeReached(t *testing.T) {
	rows := []struct {
		name  string
		ips   []netip.Addr
		takes time.Duration
		err   string // empty: connected
	}{
		{"the first", ips("::1", "0.0.0.1"), 0, ""},
		{"the second, at once when the first refuses", ips("::2", "0.0.0.1"), 10 * time.Millisecond, ""},
		{"the second, soon when the first is a black hole", ips("::3", "0.0.0.1"), 250 * time.Millisecond, ""},
		{"the fourth, behind black holes", ips("::3", "0.0.0.3", "::3", "0.0.0.1"), 750 * time.Millisecond, ""},
		{"a slow one that was begun before", ips("::4", "0.0.0.3"), 300 * time.Millisecond, ""},
		{"the quicker one, and the other is closed", ips("::4", "0.0.0.1"), 300 * time.Millisecond, ""},
		{"a slow one, after all others", ips("::4", "0.0.0.2"), 300 * time.Millisecond, ""},
		{"none, all refuse", ips("::2", "0.0.0.2"), 20 * time.Millisecond, "refused; refused"},
		{"none, all are black holes", ips("::3", "0.0.0.3"), 3250 * time.Millisecond, "context deadline exceeded; context deadline exceeded"},
		{"none, of one", ips("::3"), 3 * time.Second, "context deadline exceeded"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n network
				start := time.Now()
				c, err := race(t.Context(), nil, row.ips, n.attempt)
				took := time.Since(start)
				connected := 0
				if row.err == "" {
					connected = 1
				}
				if (c != nil) != (connected == 1) || row.err != "" && fmt.Sprint(err) != row.err {
					t.Errorf("got %v, %v; want the error %q", c, err, row.err)
				}
				if n.running != 0 || n.open != connected {
					t.Errorf("got %d attempts running and %d connections; want none and %d", n.running, n.open, connected)
				}
				if took.Truncate(10*time.Millisecond) != row.takes {
					t.Errorf("got it after %v; want %v", took, row.takes)
				}
			})
		})
	}
}

func TestRaceEndsWhenNobodyWaitsForItAnyMore(t *testing.T) {
	rows := []struct {
		name string
		end  func(cancel, goDown func())
		want error
	}{
		{"the caller has gone", func(cancel, _ func()) { cancel() }, context.Canceled},
		{"somebody else found the host down", func(_, goDown func()) { goDown() }, errWentDown},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n network
				ctx, cancel := context.WithCancel(t.Context())
				over := make(chan struct{})
				time.AfterFunc(time.Second, func() { row.end(cancel, func() { close(over) }) })
				start := time.Now()
				_, err := race(ctx, over, ips("::3", "0.0.0.3"), n.attempt)
				if took := time.Since(start); !errors.Is(err, row.want) || took != time.Second || n.running != 0 {
					t.Errorf("got %v after %v with %d attempts running; want %v after 1 s and none", err, took, n.running, row.want)
				}
			})
		})
	}
}

// A resolver answers with what it was set to.
type resolver struct {
	mu    sync.Mutex // guards what follows
	ips   []netip.Addr
	err   error
	asked []time.Time
}

func (r *resolver) set(err error, ips ...netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ips, r.err = ips, err
}

func (r *resolver) lookup(context.Context, string) ([]netip.Addr, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, time.Now())
	return r.ips, r.err
}

var errNoSuchHost = &net.DNSError{Err: "no such host", Name: "api.weixin.qq.com", IsNotFound: true}

// bareHost is a host that nobody connects to.
func bareHost(t *testing.T, lookup func(context.Context, string) ([]netip.Addr, error)) *host {
	t.Helper()
	h, err := NewHosts(HostsConfig{URLs: []string{"https://api.weixin.qq.com"}, ConnectTimeout: 3 * time.Second, Lookup: lookup})
	if err != nil {
		t.Fatal(err)
	}
	return h.hosts[0]
}

func TestAddressesAreLookedUpAgainAndKeptWhileTheResolverFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r resolver
		h := bareHost(t, r.lookup)
		var watching sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		watching.Go(func() { h.watch(ctx) })
		mustBe := func(want ...netip.Addr) {
			t.Helper()
			synctest.Wait()
			if got, err := h.addresses.get(ctx, time.Second); err != nil || !slices.Equal(got, want) {
				t.Errorf("got %v, %v; want %v", got, err, want)
			}
		}
		time.Sleep(time.Hour)
		if len(r.asked) != 0 {
			t.Errorf("got %d lookups of a host that nobody needs; want none", len(r.asked))
		}
		r.set(nil, ips("1.1.1.1")...)
		mustBe(ips("1.1.1.1")...)
		r.set(nil, ips("2.2.2.2")...)
		mustBe(ips("1.1.1.1")...)
		time.Sleep(lookAgain)
		mustBe(ips("2.2.2.2")...)
		r.set(errNoSuchHost)
		time.Sleep(time.Hour)
		mustBe(ips("2.2.2.2")...)
		r.set(nil) // without an address
		time.Sleep(time.Hour)
		mustBe(ips("2.2.2.2")...)
		r.set(nil, ips("3.3.3.3")...)
		time.Sleep(lookAgain)
		mustBe(ips("3.3.3.3")...)
		stop()
		watching.Wait()
	})
}

func TestResolverThatDoesNotAnswerIsNotWaitedForLongerThanAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := bareHost(t, func(ctx context.Context, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		start := time.Now()
		_, err := h.connect(t.Context())
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != 3*time.Second || !h.isDown() {
			t.Errorf("got %v after %v; want the host down after 3 s", err, took)
		}
	})
}

func TestHostWhoseNameIsUnknownIsDown(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]error{"unknown": errNoSuchHost, "without an address": nil} {
		t.Run(name, func(t *testing.T) {
			var r resolver
			r.set(set)
			h := provenAt(t, func(c *HostsConfig) { c.Lookup = r.lookup }, "https://api.weixin.qq.com")
			err := sendError(h, message("POST", "/p", "{}"))
			var dns *net.DNSError
			if !errors.Is(err, ErrUnreachable) || !errors.As(err, &dns) || !h.States()[0].Down {
				t.Errorf("got %v, %+v; want %v because of the name, and the host down", err, h.States(), ErrUnreachable)
			}
		})
	}
}

// listenOn listens on a loopback address and says nothing to those who connect.
func listenOn(t *testing.T, address string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("this system has no such loopback address: %v", err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func TestAddressThatNeverShakesHandsCostsAMomentOnly(t *testing.T) {
	t.Parallel()
	wechat := wechattest.New()
	server, err := wechat.StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(server.URL, "https://"))
	listenOn(t, "127.0.0.2:"+port)
	h := provenAt(t, func(c *HostsConfig) {
		c.Roots = trusting(server)
		c.ConnectTimeout = 20 * time.Second
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return ips("127.0.0.2", "127.0.0.1"), nil }
	}, "https://api.weixin.qq.com:"+port)
	start := time.Now()
	mustSend(t, h, message("POST", "/p", "{}"))
	if took := time.Since(start); took < attemptDelay || took > 10*time.Second {
		t.Errorf("got an answer after %v; want it soon after %v", took, attemptDelay)
	}
}

func TestWeChatIsReachedOverIPv6(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this system has no IPv6: %v", err)
	}
	var host string
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host = r.Host
		io.WriteString(rw, rawtest.OKBody)
	})}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(ln) })
	t.Cleanup(func() {
		server.Close()
		serving.Wait()
	})
	_, port, _ := net.SplitHostPort(ln.Addr().String())

	rows := []struct{ name, host string }{{"by address", "[::1]"}, {"by name", "api.weixin.qq.com"}}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			h := provenAt(t, func(c *HostsConfig) {
				c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return ips("127.0.0.1", "::1"), nil }
			}, "http://"+row.host+":"+port)
			if got := mustSend(t, h, message("POST", "/p", "{}")); got != rawtest.OKBody || host != row.host+":"+port {
				t.Errorf("got %q from a host called %q", got, host)
			}
		})
	}
}

// The name in the TLS handshake and the Host line are those of the host in use.
func TestHostIsCalledByItsOwnName(t *testing.T) {
	t.Parallel()
	wechat := wechattest.New()
	var mu sync.Mutex
	var called []string
	server, err := wechat.StartTLS(func(s *http.Server) {
		s.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			called = append(called, r.TLS.ServerName+" "+r.Host)
			mu.Unlock()
			if r.TLS.Version < tls.VersionTLS12 {
				t.Errorf("got TLS version %x; want 1.2 or later", r.TLS.Version)
			}
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(server.URL, "https://"))
	h := provenAt(t, func(c *HostsConfig) {
		c.Roots = trusting(server)
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return ips("127.0.0.1"), nil }
	}, "https://api.weixin.qq.com:"+port, "https://sz.api.weixin.qq.com:"+port)
	mustSend(t, h, message("GET", "/", ""))
	h.hosts[0].putDown()
	mustSend(t, h, message("GET", "/", ""))
	want := []string{"api.weixin.qq.com api.weixin.qq.com:" + port, "sz.api.weixin.qq.com sz.api.weixin.qq.com:" + port}
	if !slices.Equal(called, want) {
		t.Errorf("got the names %q; want %q", called, want)
	}
}

func TestHostThatSpeaksOldTLSOnlyIsNotTalkedTo(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	offered := make(chan []uint16, 1)
	old := tls.NewListener(ln, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		offered <- hello.SupportedVersions
		return &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, nil
	}})
	go func() {
		for {
			c, err := old.Accept()
			if err != nil {
				return
			}
			c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	h := provenAt(t, nil, "https://"+ln.Addr().String())
	if err := sendError(h, message("POST", "/p", "{}")); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "shaking hands") {
		t.Errorf("got %v; want %v because of the handshake", err, ErrUnreachable)
	}
	if got := <-offered; slices.Min(got) < tls.VersionTLS12 {
		t.Errorf("got an offer of the versions %x; want 1.2 or later", got)
	}
}

func TestDialLeadsToTheHostThatRequestsAreSentTo(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, nil, rawtest.ClosedPort(t), w.URL)
	c, u, err := h.Dial(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if u.String() != w.URL || !h.States()[0].Down {
		t.Errorf("got %s, %+v; want the second host, and the first one down", u, h.States())
	}
	io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
	if a, err := rawtest.ReadAnswer(bufio.NewReader(c), false); err != nil || a.Body != rawtest.OKBody {
		t.Errorf("got %v, %v; want an answer", a, err)
	}
}

func TestDialThatIsCancelledDoesNotPutAHostDown(t *testing.T) {
	t.Parallel()
	mute := listenOn(t, "127.0.0.1:0")
	h := provenAt(t, nil, "https://"+mute.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := h.Dial(ctx, nil); !errors.Is(err, context.DeadlineExceeded) || h.States()[0].Down {
		t.Errorf("got %v, %+v; want the end of the time given, and the host up", err, h.States())
	}
}
