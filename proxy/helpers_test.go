package proxy

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/upstream"
)

// upstreamFunc is an Upstream.
type upstreamFunc func(m *upstream.Message, resp *fasthttp.Response) error

func (f upstreamFunc) Send(m *upstream.Message, resp *fasthttp.Response) error { return f(m, resp) }

// sent is a copy of a Message.
type sent struct{ method, target, fields, body string }

// recorder is an Upstream that keeps what it was sent and answers with its
// answers in turn, the last one again and again.
type recorder struct {
	mu      sync.Mutex // guards got
	got     []sent
	answers []string
}

func (r *recorder) Send(m *upstream.Message, resp *fasthttp.Response) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	body := r.answers[min(len(r.got), len(r.answers)-1)]
	r.got = append(r.got, sent{string(m.Method), string(m.Target), string(m.Fields), bodyOf(m)})
	resp.Header.SetContentType("application/json; encoding=utf-8")
	resp.SetBodyString(body)
	return nil
}

// fixedTokens is a Tokens that always returns the same.
type fixedTokens struct {
	token, replacement string
	err, replaceErr    error

	mu       sync.Mutex // guards replaced
	replaced []string   // the tokens that Replace was called with
}

func (f *fixedTokens) Token(time.Duration) (string, error) { return f.token, f.err }

func (f *fixedTokens) Replace(refused string, _ time.Duration) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replaced = append(f.replaced, refused)
	return f.replacement, f.replaceErr
}

// sharedTokens is a Tokens that fetches one token for all requests that were refused the
// same one.
type sharedTokens struct {
	mu      sync.Mutex // guards what follows, also during a fetch
	token   string
	fetches int
	fetch   func() (string, error)
}

func (s *sharedTokens) Token(time.Duration) (string, error) { return s.Replace("", 0) }

func (s *sharedTokens) Replace(refused string, _ time.Duration) (token string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != refused {
		return s.token, nil
	}
	s.fetches++
	s.token, err = s.fetch()
	return s.token, err
}

// shop is an account with a token and nothing to replace it by.
func shop() Account { return account("shop", "wxshop") }

func account(name, appID string) Account {
	return Account{
		Name: name, AppID: appID,
		Tokens: &fixedTokens{token: name + "-token", replacement: name + "-token"},
		Secret: func() (string, error) { return name + "-secret", nil },
	}
}

// shopWith is the account shop with other tokens.
func shopWith(tokens Tokens) []Account {
	a := shop()
	a.Tokens = tokens
	return []Account{a}
}

// config is a Config for one account and the given upstream.
func config(u Upstream, accounts ...Account) Config {
	if len(accounts) == 0 {
		accounts = []Account{shop()}
	}
	kind := &Kind{Table: &accountkind.WeChat, Upstream: u, Hosts: []string{"api.weixin.qq.com"}, TokenErrcodes: []int{40001, 40014, 42001}}
	for i := range accounts {
		if accounts[i].Kind == nil {
			accounts[i].Kind = kind
		}
	}
	return Config{
		Accounts:  accounts,
		HostNames: []string{"proxy", "x", "h"}, // as tests have it
		TokenWait: time.Second,
		Log:       slog.New(slog.DiscardHandler),
		Counts:    traffic.NewCounts(),
	}
}

func keyed(name, key string) Client {
	return Client{Name: name, KeySHA256: sha256.Sum256([]byte(key))}
}

// Handle answers one request, whatever the size of its body, although another Proxy may
// have taken p's place.
func (p *Proxy) Handle(ctx *fasthttp.RequestCtx) { p.handle(ctx, math.MaxInt64) }

// handle has p answer one request without any socket.
func handle(t testing.TB, p *Proxy, raw string) *fasthttp.RequestCtx {
	t.Helper()
	ctx := bareCtx(t, raw)
	p.Handle(ctx)
	return ctx
}

// answering returns an exchange of the account shop that has got an answer, with
// this credential sent and none known besides.
func answering(sent string) *exchange {
	p := New(config(nil))
	x := p.newExchange()
	x.ctx, x.account, x.sent = new(fasthttp.RequestCtx), p.fallback, sent
	x.ctx.Response.Header.SetNoDefaultContentType(true)
	x.ctx.Response.Header.DisableNormalizing()
	x.account.filter.Add(sent)
	return x
}

func bareCtx(t testing.TB, raw string) *fasthttp.RequestCtx {
	t.Helper()
	ctx := new(fasthttp.RequestCtx)
	ctx.Init(new(fasthttp.Request), nil, nil)
	ctx.Response.Header.SetNoDefaultContentType(true)
	if err := ctx.Request.Read(bufio.NewReader(strings.NewReader(raw))); err != nil {
		t.Fatalf("reading the test's request: %v", err)
	}
	return ctx
}

func post(target, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: proxy\r\nContent-Length: %d\r\n\r\n%s", target, len(body), body)
}

// A service is a Proxy that serves on a socket.
type service struct {
	proxy    *Proxy
	server   *front.Server
	listener *front.Listener
	addr     net.Addr
	served   chan error // what Serve returned
}

var defaultLimits = front.Limits{MaxBody: 4 << 20, MaxConnections: 5000, IdleTimeout: time.Minute}

func serve(t testing.TB, c Config, limits front.Limits) *service {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, ln, c, limits)
}

func serveOn(t testing.TB, ln net.Listener, c Config, limits front.Limits) *service {
	t.Helper()
	l, err := front.NewListener(ln)
	if err != nil {
		t.Fatal(err)
	}
	return serveListener(t, l, c, limits)
}

func serveListener(t testing.TB, l *front.Listener, c Config, limits front.Limits) *service {
	t.Helper()
	p := New(c)
	limits.PlainIO = limits.PlainIO || rawtest.IsPlain()
	s := &service{proxy: p, server: front.NewServer(p.Handler(), limits, c.Log), listener: l, addr: l.Addr(), served: make(chan error, 1)}
	go func() { s.served <- s.server.Serve(l) }()
	t.Cleanup(func() { l.Close() })
	return s
}

func (s *service) dial(t testing.TB) *rawtest.Caller {
	t.Helper()
	return rawtest.Dial(t, s.addr)
}

// hostsAt returns Hosts with short time-outs at urls.
func hostsAt(t testing.TB, change func(*upstream.HostsConfig), urls ...string) *upstream.Hosts {
	t.Helper()
	c := upstream.HostsConfig{
		URLs: urls, ConnectTimeout: 5 * time.Second, Timeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxConnections: 64,
	}
	c.PlainIO = rawtest.IsPlain()
	if change != nil {
		change(&c)
	}
	h, err := upstream.NewHosts(c)
	if err != nil {
		t.Fatal(err)
	}
	h.Start()
	t.Cleanup(h.Close)
	return h
}

// proven has hosts prove that WeChat leaves idle connections open for a while, so that
// messages may use one.
func proven(t testing.TB, h *upstream.Hosts) *upstream.Hosts {
	t.Helper()
	for _, rest := range []time.Duration{0, 2 * time.Second} {
		time.Sleep(rest)
		if err := h.Send(message("GET", "/proves", ""), new(fasthttp.Response)); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// message is a request for Hosts.
func message(method, target, content string) *upstream.Message {
	m := &upstream.Message{Method: []byte(method), Target: []byte(target), Body: new(body.Body)}
	m.Body.Borrow([]byte(content))
	if content != "" {
		m.Fields = fmt.Appendf(nil, "Content-Length: %d\r\n", len(content))
	}
	return m
}

func bodyOf(m *upstream.Message) string {
	body, err := io.ReadAll(m.Body.Reader())
	if err != nil {
		return "CANNOT BE READ: " + err.Error()
	}
	return string(body)
}
