package proxy

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// upstreamFunc is an Upstream.
type upstreamFunc func(m *Message, resp *fasthttp.Response) error

func (f upstreamFunc) Send(m *Message, resp *fasthttp.Response) error { return f(m, resp) }

// sent is a copy of a Message.
type sent struct{ method, target, fields, body string }

// recorder is an Upstream that keeps what it was sent and answers with its
// answers in turn, the last one again and again.
type recorder struct {
	mu      sync.Mutex // guards got
	got     []sent
	answers []string
}

func (r *recorder) Send(m *Message, resp *fasthttp.Response) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	body := r.answers[min(len(r.got), len(r.answers)-1)]
	r.got = append(r.got, sent{string(m.Method), string(m.Target), string(m.Fields), bodyOf(m)})
	resp.Header.SetContentType("application/json; encoding=utf-8")
	resp.SetBodyString(body)
	return nil
}

const (
	okBody      = `{"errcode":0,"errmsg":"ok"}`
	refusedBody = `{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 655d9278"}`
)

// fixedTokens is a Tokens that says always the same.
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

// sharedTokens is a Tokens that fetches one token for all who were refused the
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
	return Config{
		Accounts:      accounts,
		RetryErrcodes: []int{40001, 40014, 42001},
		OwnHosts:      []string{"api.weixin.qq.com"},
		HostNames:     []string{"proxy", "x", "h"}, // as tests have it
		TokenWait:     time.Second,
		Upstream:      u,
		Log:           slog.New(slog.DiscardHandler),
		Counts:        NewCounts(),
	}
}

func keyed(name, key string) Client {
	return Client{Name: name, KeySHA256: sha256.Sum256([]byte(key))}
}

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
	x.account.sought.note(sent)
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

// get is a request without anything special.
func get(target string, fields ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: proxy\r\n" + strings.Join(fields, "\r\n") +
		strings.Repeat("\r\n", min(len(fields), 1)) + "\r\n"
}

func post(target, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: proxy\r\nContent-Length: %d\r\n\r\n%s", target, len(body), body)
}

// A service is a Proxy that serves on a socket.
type service struct {
	proxy    *Proxy
	server   *Server
	listener *Listener
	addr     net.Addr
	served   chan error // what Serve returned
}

var defaultLimits = Limits{MaxBody: 4 << 20, MaxConnections: 5000, IdleTimeout: time.Minute}

func serve(t testing.TB, c Config, limits Limits) *service {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, ln, c, limits)
}

func serveOn(t testing.TB, ln net.Listener, c Config, limits Limits) *service {
	t.Helper()
	l, err := NewListener(ln)
	if err != nil {
		t.Fatal(err)
	}
	return serveListener(t, l, c, limits)
}

func serveListener(t testing.TB, l *Listener, c Config, limits Limits) *service {
	t.Helper()
	p := New(c)
	limits.PlainIO = limits.PlainIO || isPlain()
	s := &service{proxy: p, server: NewServer(p.Handler(), limits, c.Log), listener: l, addr: l.Addr(), served: make(chan error, 1)}
	go func() { s.served <- s.server.Serve(l) }()
	t.Cleanup(func() { l.Close() })
	return s
}

// A caller is one connection to the proxy.
type caller struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func (s *service) dial(t testing.TB) *caller {
	t.Helper()
	return dialTo(t, s.addr)
}

func dialTo(t testing.TB, addr net.Addr) *caller {
	t.Helper()
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &caller{t, conn, bufio.NewReader(conn)}
}

func (c *caller) send(raw string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, raw); err != nil {
		c.t.Fatal(err)
	}
}

// call sends a request and reads its answer.
func (c *caller) call(raw string) answer {
	c.t.Helper()
	c.send(raw)
	a, err := readAnswer(c.r, strings.HasPrefix(raw, "HEAD "))
	if err != nil {
		c.t.Fatalf("reading the answer to %.60q: %v", raw, err)
	}
	return a
}

// ended reports whether the proxy has closed the connection.
func (c *caller) ended() bool {
	c.conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	_, err := c.r.ReadByte()
	return errors.Is(err, io.EOF)
}

// An answer is one as it came over the wire.
type answer struct{ head, body string }

func (a answer) status() int {
	n, _ := strconv.Atoi(strings.SplitN(a.head, " ", 3)[1])
	return n
}

// fields are the header lines.
func (a answer) fields() []string {
	return strings.Split(strings.TrimSuffix(a.head, "\r\n\r\n"), "\r\n")[1:]
}

// field returns the value of the header called name in exactly this spelling.
func (a answer) field(name string) string {
	for _, line := range a.fields() {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return value
		}
	}
	return ""
}

// readAnswer reads an answer. A body without a length reads to the end.
func readAnswer(r *bufio.Reader, head bool) (a answer, err error) {
	if a.head, err = readHead(r); err != nil {
		return a, err
	}
	length, chunked := int64(-1), false
	for _, line := range a.fields() {
		name, value, _ := strings.Cut(line, ": ")
		if strings.EqualFold(name, "Content-Length") {
			length, _ = strconv.ParseInt(value, 10, 64)
		}
		chunked = chunked || strings.EqualFold(name, "Transfer-Encoding")
	}
	status := a.status()
	if head || status < 200 || status == http.StatusNoContent || status == http.StatusNotModified {
		return a, nil
	}
	if chunked {
		body, err := io.ReadAll(httputil.NewChunkedReader(r))
		if a.body = string(body); err == nil {
			_, err = r.Discard(len("\r\n")) // in place of trailers
		}
		return a, err
	}
	body := make([]byte, max(length, 0))
	if _, err = io.ReadFull(r, body); length < 0 {
		body, err = io.ReadAll(r)
	}
	a.body = string(body)
	return a, err
}

// readHead reads up to an empty line and returns it all.
func readHead(r *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			if head.Len() > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return head.String(), err
		}
		head.WriteString(line)
		if line == "\r\n" {
			return head.String(), nil
		}
	}
}

// rawWeChat is an upstream that records every byte of the requests it is sent.
type rawWeChat struct {
	url    string
	ln     net.Listener
	script func(conn net.Conn, request string) (keep bool)
	idle   time.Duration // a connection is closed when it was idle for so long

	mu       sync.Mutex // guards what follows
	requests []string
	conns    int
}

// startRaw starts a rawWeChat; script answers each request and says whether
// the connection stays.
func startRaw(t testing.TB, script func(conn net.Conn, request string) (keep bool)) *rawWeChat {
	t.Helper()
	return startClosing(t, 20*time.Second, script)
}

// startClosing starts a rawWeChat that closes a connection which is idle after its first request.
func startClosing(t testing.TB, idle time.Duration, script func(conn net.Conn, request string) (keep bool)) *rawWeChat {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &rawWeChat{url: "http://" + ln.Addr().String(), ln: ln, script: script, idle: idle}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.conns++
			w.mu.Unlock()
			serving.Go(func() { w.serve(conn) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		serving.Wait()
	})
	return w
}

// always is a script that gives every request the same answer.
func always(answer string) func(net.Conn, string) bool {
	return func(conn net.Conn, _ string) bool {
		io.WriteString(conn, answer)
		return true
	}
}

// once is a script that gives an answer and closes the connection.
func once(answer string) func(net.Conn, string) bool {
	return func(conn net.Conn, _ string) bool {
		io.WriteString(conn, answer)
		return false
	}
}

func (w *rawWeChat) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(conn)
	for {
		request, err := readRequest(r)
		if request != "" {
			w.mu.Lock()
			w.requests = append(w.requests, request)
			w.mu.Unlock()
		}
		conn.SetWriteDeadline(time.Now().Add(20 * time.Second))
		if err != nil || !w.script(conn, request) {
			return
		}
		conn.SetReadDeadline(time.Now().Add(w.idle))
	}
}

func readRequest(r *bufio.Reader) (string, error) {
	head, err := readHead(r)
	if err != nil {
		return head, err
	}
	length := 0
	for line := range strings.SplitSeq(head, "\r\n") {
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			length, _ = strconv.Atoi(value)
		}
	}
	body := make([]byte, length)
	n, err := io.ReadFull(r, body)
	return head + string(body[:n]), err
}

// received returns the requests, with the upstream's address replaced by HOST.
func (w *rawWeChat) received() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	host := strings.TrimPrefix(w.url, "http://")
	var requests []string
	for _, r := range w.requests {
		requests = append(requests, strings.Replace(r, "Host: "+host, "Host: HOST", 1))
	}
	return requests
}

func (w *rawWeChat) connections() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conns
}

// hostsAt returns Hosts with short time-outs at urls.
func hostsAt(t testing.TB, change func(*HostsConfig), urls ...string) *Hosts {
	t.Helper()
	c := HostsConfig{
		URLs: urls, ConnectTimeout: 5 * time.Second, Timeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxConnections: 64,
	}
	c.PlainIO = isPlain()
	if change != nil {
		change(&c)
	}
	h, err := NewHosts(c)
	if err != nil {
		t.Fatal(err)
	}
	h.Start()
	t.Cleanup(h.Close)
	return h
}

// provenAt is hostsAt with idle connections that are used at once, as if WeChat was
// seen to leave them open.
func provenAt(t testing.TB, change func(*HostsConfig), urls ...string) *Hosts {
	t.Helper()
	h := hostsAt(t, change, urls...)
	for _, host := range h.hosts {
		host.idle.mu.Lock()
		host.idle.proven = time.Hour
		host.idle.mu.Unlock()
	}
	return h
}

// proven has hosts prove that WeChat leaves idle connections open for a while, so that
// messages may use one.
func proven(t testing.TB, h *Hosts) *Hosts {
	t.Helper()
	for _, rest := range []time.Duration{0, time.Second} {
		time.Sleep(rest)
		if err := h.Send(message("GET", "/proves", ""), new(fasthttp.Response)); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// putDown has the host be down.
func (h *host) putDown() { h.goDown(h.condition.Load(), errors.New("put down by the test")) }

// message is a request for Hosts.
func message(method, target, content string) *Message {
	m := &Message{Method: []byte(method), Target: []byte(target), Body: new(Body)}
	m.Body.borrow([]byte(content))
	if content != "" {
		m.Fields = fmt.Appendf(nil, "Content-Length: %d\r\n", len(content))
	}
	return m
}

func bodyOf(m *Message) string {
	body, err := io.ReadAll(m.Body.Reader())
	if err != nil {
		return "CANNOT BE READ: " + err.Error()
	}
	return string(body)
}

// answered is WeChat's answer with body.
func answered(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}
