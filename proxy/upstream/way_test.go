package upstream

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/egress"
	"wxproxy/internal/egress/egresstest"
	"wxproxy/internal/wechattest"
	"wxproxy/proxy/internal/rawtest"
)

// The names of hosts that nobody but a proxy knows.
const (
	hidden, hiddenTarget = "http://api.weixin.invalid", "api.weixin.invalid:80"
	second, secondTarget = "http://api2.weixin.invalid", "api2.weixin.invalid:80"
)

// through has Hosts go out through the proxy at a URL, in a network without DNS.
func through(t testing.TB, raw string) func(*HostsConfig) {
	t.Helper()
	proxy, err := egress.Parse(raw, "upstream.proxy")
	if err != nil {
		t.Fatal(err)
	}
	return func(c *HostsConfig) {
		c.Proxy = func(*url.URL) *egress.Proxy { return proxy }
		c.Lookup = func(_ context.Context, name string) ([]netip.Addr, error) {
			t.Errorf("%s was looked up", name)
			return nil, errors.New("there is no DNS")
		}
	}
}

func TestRequestsGoOutThroughAProxy(t *testing.T) {
	t.Parallel()
	certificate, ca, err := wechattest.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	secure, err := wechattest.New(wechattest.App{ID: "wxshop", Secret: "s"}).StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(secure.Close)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(append(ca, secure.CA...))
	rows := map[string]struct {
		o      egresstest.Options
		direct bool // by system calls of our own
	}{
		"http":  {egresstest.Options{User: "u", Password: "p"}, true},
		"https": {egresstest.Options{Certificate: &certificate}, false},
		"socks": {egresstest.Options{SOCKS: true, User: "u", Password: "p"}, true},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
			row.o.Names = map[string]string{hiddenTarget: w.Ln.Addr().String(), "api.weixin.qq.com:443": strings.TrimPrefix(secure.URL, "https://")}
			p := egresstest.Start(t, row.o)
			change := func(c *HostsConfig) {
				through(t, p.URL())(c)
				c.Roots, c.Family = roots, FamilyIPv6 // which says nothing of the proxy's address
			}
			plain, tls := provenAt(t, change, hidden), provenAt(t, change, "https://api.weixin.qq.com")
			for range 3 {
				mustSend(t, plain, message("POST", "/p", "{}"))
				if got := mustSend(t, tls, message("POST", "/cgi-bin/message/custom/send", "{}")); !strings.Contains(got, "41001") {
					t.Errorf("got %q; want WeChat to miss the token", got)
				}
			}
			mustSend(t, plain, message("POST", "/p", strings.Repeat("x", 300<<10)))
			if got := p.Asked(); len(got) != 2 {
				t.Errorf("the proxy was asked for %q; want once each", got)
			}
			for _, request := range w.Received() {
				if strings.Contains(request, "Proxy-") {
					t.Errorf("WeChat got %q; want nothing for the proxy", request)
				}
			}
			if got := tls.hosts[0].idle.conns[0].direct != nil; got != (row.direct && runtime.GOOS == "linux" && !rawtest.IsPlain()) {
				t.Errorf("got system calls of our own %v", got)
			}
			c, _, err := tls.Dial(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			io.WriteString(c, "GET /cgi-bin/user/info HTTP/1.1\r\nHost: api.weixin.qq.com\r\n\r\n")
			if a, err := rawtest.ReadAnswer(bufio.NewReader(c), false); err != nil || !strings.Contains(a.Body, "41001") {
				t.Errorf("got %v, %v; want an answer", a, err)
			}
			if got := plain.States()[0].Proxy; got != p.Address {
				t.Errorf("got the proxy %q; want %s", got, p.Address)
			}
		})
	}
}

// A host that the proxy does not reach, or does not allow, is down; the next one is not.
func TestHostThatTheProxyDoesNotReachIsDown(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"HTTP/1.1 503 Service Unavailable\r\n\r\n":      "does not get to " + hiddenTarget + " itself (503)",
		"HTTP/1.1 403 Forbidden\r\n\r\n<html>no</html>": "does not allow connections to " + hiddenTarget + " (403)",
		"HTTP/1.1 2": "ended the connection before there was a tunnel to " + hiddenTarget,
	} {
		w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
		p := egresstest.Start(t, egresstest.Options{Names: map[string]string{hiddenTarget: w.Ln.Addr().String(), secondTarget: w.Ln.Addr().String()}})
		p.Change(func(o *egresstest.Options) {
			o.Answer = func(target string) string {
				if target == hiddenTarget {
					return answer
				}
				return ""
			}
		})
		h := provenAt(t, through(t, p.URL()), hidden, second)
		mustSend(t, h, message("POST", "/p", "{}"))
		got := h.States()
		if !got[0].Down || got[1].Down || !strings.Contains(got[0].Reason, want) || !strings.Contains(got[0].Reason, p.Address) {
			t.Errorf("got %+v; want the first host down: %s", got, want)
		}
		p.Change(func(o *egresstest.Options) { o.Answer = nil })
		rawtest.WaitUntil(t, "the first host is up again", func() bool { return !h.States()[0].Down })
	}
}

// What is wrong with the proxy is wrong with all hosts behind it: one of them is tried, the
// log says it once, and a host that is reached directly takes the requests.
func TestFaultOfTheProxyIsThatOfAllHostsBehindIt(t *testing.T) {
	t.Parallel()
	var log rawtest.Journal
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	p := egresstest.Start(t, egresstest.Options{Names: map[string]string{hiddenTarget: w.Ln.Addr().String()}, User: "u", Password: "p"})
	h := provenAt(t, func(c *HostsConfig) {
		through(t, "http://u:wr0ngpass@"+p.Address)(c)
		c.Log = log.Log()
	}, hidden, second, "http://api3.weixin.invalid")
	const want = "does not accept the user or the password (407)"
	for range 50 {
		err := sendError(h, message("POST", "/p", "{}"))
		if fault := FaultOf(err); !errors.Is(err, ErrUnreachable) || fault == nil || !strings.Contains(fault.Words(), want) {
			t.Fatalf("got %v; want that the proxy refuses the password", err)
		}
	}
	for _, state := range h.States() {
		if !state.Down || !strings.Contains(state.Reason, want) {
			t.Errorf("got %+v; want every host down for the proxy's fault", state)
		}
	}
	if n, lines := log.Lines("upstream host is down"); n != 1 || !strings.Contains(lines, "remedy=") || strings.Contains(log.String(), "wr0ngpass") {
		t.Errorf("got %d lines: %s; want one, with a remedy", n, log.String())
	}
	if got := p.Shown(); len(got) > 5 {
		t.Errorf("the wrong password was shown %d times", len(got))
	}
	p.Change(func(o *egresstest.Options) { o.Password = "wr0ngpass" })
	rawtest.WaitUntil(t, "all hosts are up again", func() bool {
		return !slices.ContainsFunc(h.States(), func(s HostState) bool { return s.Down })
	})
	mustSend(t, h, message("POST", "/p", "{}"))
}

func TestHostThatIsReachedDirectlyDoesWithoutTheProxy(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	h := provenAt(t, func(c *HostsConfig) {
		through(t, rawtest.ClosedPort(t))(c)
		proxied := c.Proxy
		c.Proxy = func(u *url.URL) *egress.Proxy {
			if u.String() == w.URL {
				return nil
			}
			return proxied(u)
		}
	}, hidden, second, w.URL)
	mustSend(t, h, message("POST", "/p", "{}"))
	if got := h.States(); !got[0].Down || !got[1].Down || got[2].Down || got[2].Proxy != "" || !strings.Contains(got[0].Reason, "cannot be reached") {
		t.Errorf("got %+v; want only those behind the proxy down", got)
	}
}

// A proxy that cuts connections does not make a request be sent twice, and no POST meets a
// connection that is cut while it is idle.
func TestNothingIsSentTwiceThroughAProxyThatCutsConnections(t *testing.T) {
	t.Parallel()
	for _, socks := range []bool{false, true} {
		w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
		p := egresstest.Start(t, egresstest.Options{SOCKS: socks, Names: map[string]string{hiddenTarget: w.Ln.Addr().String()}})
		h := provenAt(t, through(t, p.URL()), hidden)
		const calls = 5
		for range calls {
			mustSend(t, h, message("POST", "/p", "{}"))
			p.CutAll()
			rawtest.WaitUntil(t, "the end of the idle connection", h.hosts[0].idleConnEnded)
		}
		if got := len(w.Received()); got != calls {
			t.Errorf("WeChat got %d requests; want %d", got, calls)
		}
		w.Forget()
		p.Change(func(o *egresstest.Options) {
			o.Pass = func(caller, target net.Conn) { // until there is an answer, of which nothing comes
				request := make([]byte, 4<<10)
				n, _ := caller.Read(request)
				target.Write(request[:n])
				target.Read(request)
			}
		})
		if err := sendError(h, message("POST", "/p", "{}")); !errors.Is(err, ErrBroken) || len(w.Received()) != 1 || !strings.Contains(err.Error(), "(through the proxy "+p.Address+")") {
			t.Errorf("got %v, and %d requests at WeChat; want %v, and one", err, len(w.Received()), ErrBroken)
		}
		p.Change(func(o *egresstest.Options) {
			o.Pass = func(caller, target net.Conn) { // until the answer is there but for its last bytes
				request := make([]byte, 4<<10)
				n, _ := caller.Read(request)
				target.Write(request[:n])
				n, _ = target.Read(request)
				caller.Write(request[:n-2])
			}
		})
		w.Forget()
		err := h.Send(message("POST", "/p", "{}"), new(fasthttp.Response))
		if !errors.Is(err, ErrBroken) || len(w.Received()) != 1 {
			t.Errorf("got %v, and %d requests at WeChat; want %v, and one", err, len(w.Received()), ErrBroken)
		}
	}
}

// connect_timeout bounds all that is done for a connection.
func TestProxyThatDoesNotAnswerCostsTheConnectTimeout(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	p := egresstest.Start(t, egresstest.Options{Hold: hold})
	h := provenAt(t, func(c *HostsConfig) {
		through(t, p.URL())(c)
		c.ConnectTimeout = 200 * time.Millisecond
	}, hidden)
	began := time.Now()
	err := sendError(h, message("POST", "/p", "{}"))
	if fault := FaultOf(err); fault == nil || !strings.Contains(fault.Words(), "within connect_timeout") || time.Since(began) > 5*time.Second {
		t.Errorf("got %v after %v; want that the proxy is late", err, time.Since(began))
	}
	several := provenAt(t, func(c *HostsConfig) {
		through(t, p.URL())(c)
		c.ConnectTimeout = 200 * time.Millisecond
	}, hidden, second, "http://api3.weixin.invalid", "http://api4.weixin.invalid")
	for _, host := range several.hosts {
		host.putDown()
	}
	asked := len(p.Asked())
	if err := sendError(several, message("POST", "/p", "{}")); FaultOf(err) == nil {
		t.Errorf("got %v; want that the proxy is late", err)
	} else if text := err.Error(); strings.Contains(text, secondTarget) {
		t.Errorf("got %v after %d questions; want one attempt where every host is down", text, len(p.Asked())-asked)
	}
}

// A proxy that hangs for two hosts in a row hangs for all: nobody tries the others, the log
// says so, and whoever has less time is told that it was the proxy.
func TestProxyThatHangsCostsTwoConnectTimeouts(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	p := egresstest.Start(t, egresstest.Options{Hold: hold, Names: map[string]string{hiddenTarget: w.Ln.Addr().String()}})
	const timeout = 300 * time.Millisecond
	h := provenAt(t, func(c *HostsConfig) {
		through(t, p.URL())(c)
		c.ConnectTimeout = timeout
	}, hidden, second, "http://api3.weixin.invalid", "http://api4.weixin.invalid", "http://api5.weixin.invalid")
	err := sendError(h, message("POST", "/p", "{}"))
	if fault := FaultOf(err); fault == nil || !fault.IsEverywhere() && !strings.Contains(err.Error(), "connected neither to "+secondTarget) || strings.Contains(err.Error(), "api3") {
		t.Errorf("got %v; want two hosts tried, and the proxy at fault", err)
	}
	for _, state := range h.States() {
		if !state.Down {
			t.Errorf("got %+v; want every host down", state)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout/3)
	defer cancel()
	_, _, err = h.Dial(ctx, nil)
	if fault := FaultOf(err); fault == nil || !strings.Contains(err.Error(), "the proxy "+p.Address) || !strings.Contains(err.Error(), "before the time for the answer was over") || strings.Contains(err.Error(), "context deadline") {
		t.Errorf("got %v; want that the proxy was late", err)
	}
	p.Change(func(o *egresstest.Options) { o.Hold = nil })
	close(hold)
	rawtest.WaitUntil(t, "a way out again", func() bool {
		return h.Send(message("POST", "/p", "{}"), new(fasthttp.Response)) == nil
	})
}

// Two hosts that the proxy does not connect to in time keep nobody from a third one for long.
func TestHostBehindOneThatHangsIsReached(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	silent := make(chan struct{})
	t.Cleanup(func() { close(silent) })
	const third = "http://api3.weixin.invalid"
	p := egresstest.Start(t, egresstest.Options{Names: map[string]string{"api3.weixin.invalid:80": w.Ln.Addr().String()}, Answer: func(target string) string {
		if target != "api3.weixin.invalid:80" {
			<-silent
		}
		return ""
	}})
	h := provenAt(t, func(c *HostsConfig) {
		through(t, p.URL())(c)
		c.ConnectTimeout = 200 * time.Millisecond
	}, hidden, second, third)
	if err := sendError(h, message("POST", "/p", "{}")); FaultOf(err) == nil {
		t.Errorf("got %v; want the proxy at fault", err)
	}
	mustSend(t, h, message("POST", "/p", "{}"))
	if got := h.States(); !got[0].Down || !got[1].Down || got[2].Down {
		t.Errorf("got %+v; want the third host up alone", got)
	}
}

func TestOneAddressOfAProxyIsEnough(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	p := egresstest.Start(t, egresstest.Options{Names: map[string]string{hiddenTarget: w.Ln.Addr().String()}})
	_, port, _ := net.SplitHostPort(p.Address)
	h := provenAt(t, func(c *HostsConfig) {
		through(t, "http://proxy.invalid:"+port)(c)
		c.Lookup = func(_ context.Context, name string) ([]netip.Addr, error) {
			if name != "proxy.invalid" {
				t.Errorf("%s was looked up", name)
			}
			return []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.1")}, nil
		}
	}, hidden)
	mustSend(t, h, message("POST", "/p", "{}"))

	lost := provenAt(t, func(c *HostsConfig) {
		through(t, "http://proxy.invalid:"+port)(c)
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "proxy.invalid"}
		}
	}, hidden, second)
	err := sendError(lost, message("POST", "/p", "{}"))
	if fault := FaultOf(err); fault == nil || !strings.Contains(fault.Error(), "has a name that cannot be looked up") {
		t.Errorf("got %v; want that the proxy's name is unknown", err)
	}
}

func TestCertificateBehindAProxyThatOpensTLS(t *testing.T) {
	t.Parallel()
	secure, err := wechattest.New(wechattest.App{ID: "wxshop", Secret: "s"}).StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(secure.Close)
	p := egresstest.Start(t, egresstest.Options{Names: map[string]string{"api.weixin.qq.com:443": strings.TrimPrefix(secure.URL, "https://")}})
	h := provenAt(t, through(t, p.URL()), "https://api.weixin.qq.com")
	err = sendError(h, message("POST", "/p", "{}"))
	fault := FaultOf(err)
	if fault == nil || !strings.Contains(fault.Words(), "leads to a certificate for api.weixin.qq.com:443 that is not trusted") {
		t.Fatalf("got %v; want that the certificate is not trusted", err)
	}
	if en, zh := fault.Remedies(); !strings.Contains(en, "upstream.ca_file") || !strings.Contains(zh, "upstream.ca_file") {
		t.Errorf("got %q, %q; want ca_file in it", en, zh)
	}
}

// What says nothing of the proxy does not have it be shown a refused password more often.
func TestAPasswordIsNotShownMoreOftenBecauseSomebodyLeaves(t *testing.T) {
	proxy, err := egress.Parse("http://user:wrong@127.0.0.1:1", "upstream.proxy")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	w := &way{proxy: proxy, refused: 5, until: now.Add(time.Minute), cause: errors.New("refused")}
	for _, err := range []error{
		proxy.Unreachable(hiddenTarget, &net.OpError{Op: "dial", Err: context.Canceled}),
		proxy.Unreachable(hiddenTarget, &net.OpError{Op: "dial", Err: syscall.EMFILE}),
	} {
		if w.learn(err, now); w.pause(now) == nil || w.refused != 5 {
			t.Errorf("%v: got %d refusals; want a pause as before", err, w.refused)
		}
	}
	if w.learn(proxy.Unreachable(hiddenTarget, syscall.ECONNREFUSED), now); w.pause(now) != nil {
		t.Error("got a pause; want none of another fault")
	}
}

// Hosts share what is known of a proxy only if the same is shown to it.
func TestAProxyWithAnotherPasswordIsAnotherWay(t *testing.T) {
	urls := map[string]string{"a": "http://user:one@127.0.0.1:1", "b": "http://user:two@127.0.0.1:1", "c": "http://user:one@127.0.0.1:1"}
	hosts, err := NewHosts(HostsConfig{URLs: []string{"http://a", "http://b", "http://c"}, Proxy: func(host *url.URL) *egress.Proxy {
		proxy, err := egress.Parse(urls[host.Host], "upstream.proxy")
		if err != nil {
			t.Error(err)
		}
		return proxy
	}})
	if err != nil {
		t.Fatal(err)
	}
	if a, b, c := hosts.hosts[0].way, hosts.hosts[1].way, hosts.hosts[2].way; a == b || a != c {
		t.Errorf("got the ways %p, %p, %p; want the first and the third to be one", a, b, c)
	}
}
