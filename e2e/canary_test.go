package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/sockettest"
	"wxproxy/internal/wechattest"
)

// The canaries of a run, besides the tokens: nothing that the program says may
// hold one of them. They look different when they are escaped.
const (
	canarySecret    = "canary+secret/5f4d=&cc3b"
	canaryClientKey = "canary-client-key-9a1c5e7d"
	canaryAdminKey  = "canary-admin-key-33b0c8f2"
	canaryOfCaller  = "canary-in-a-query-71e6d4b9"
)

// silence collects what a program and its answers say.
type silence struct {
	t    *testing.T
	said strings.Builder
}

// hear adds what an answer says. A token that WeChat itself answers is WeChat's
// business.
func (s *silence) hear(a answer) answer {
	fmt.Fprintf(&s.said, "%d %v\n%s\n", a.code, a.header, a.body)
	if packed, err := gzip.NewReader(strings.NewReader(a.body)); err == nil {
		if _, err := io.Copy(&s.said, packed); err != nil {
			s.t.Errorf("unpacking what is said: %v", err)
		}
	}
	return a
}

// mustHold fails the test if p or an answer said a canary, in whatever spelling.
func (s *silence) mustHold(p *program) {
	s.t.Helper()
	all := s.said.String() + p.stdout.String() + p.stderr.String()
	for _, canary := range []string{canarySecret, canaryClientKey, canaryAdminKey, canaryOfCaller, wechattest.TokenPrefix} {
		spellings := []string{
			canary, url.QueryEscape(canary), url.PathEscape(canary), strings.ReplaceAll(canary, "&", `\u0026`),
			base64.StdEncoding.EncodeToString([]byte(canary))[:12], fmt.Sprintf("%x", canary), fmt.Sprintf("%v", []byte(canary)),
		}
		for _, spelling := range spellings {
			if at := strings.Index(all, spelling); at >= 0 {
				s.t.Errorf("got %q in: %s", spelling, all[max(0, at-200):min(len(all), at+200)])
				break
			}
		}
	}
}

// canaryConfig is a configuration in which every secret is a canary.
const canaryConfig = `
[proxy]
max_body = "1KiB"
[upstream]
timeout         = "300ms"
connect_timeout = "300ms"
[log]
access = true
[[account]]
name   = "shop"
app_id = "` + appID + `"
secret = "` + canarySecret + `"
[[client]]
name = "orders"
key  = "` + canaryClientKey + `"
deny = ["/cgi-bin/menu/*"]
`

// canaryEnvironment has the admin listener beyond loopback.
func canaryEnvironment() []string {
	return []string{"WXPROXY_LOG_LEVEL=debug", "WXPROXY_ADMIN_LISTEN=0.0.0.0:0", "WXPROXY_ADMIN_KEY=" + canaryAdminKey}
}

// startCanary starts a proxy full of canaries.
func startCanary(t *testing.T, upstream, toml string, env ...string) *program {
	t.Helper()
	p := serving(t, upstream, toml, append(canaryEnvironment(), env...)...)
	p.admin = "http://127.0.0.1:" + p.admin[strings.LastIndex(p.admin, ":")+1:]
	return p
}

const (
	byClient = "Authorization: Bearer " + canaryClientKey
	byAdmin  = "Authorization: Bearer " + canaryAdminKey
)

func TestNoSecretIsSaidWhateverFailsOnTheWay(t *testing.T) {
	t.Parallel()
	w := startWeChat(t, wechattest.App{ID: appID, Secret: canarySecret},
		wechattest.App{ID: "wx1", Secret: "another"}, wechattest.App{ID: "wx2", Secret: canarySecret, AllowIPs: []string{"203.0.113.7"}})
	p := startCanary(t, w.URL, canaryConfig+`
[[account]]
name   = "wrong"
app_id = "wx1"
secret = "`+canarySecret+`"
[[account]]
name   = "elsewhere"
app_id = "wx2"
secret = "`+canarySecret+`"
`)
	p.eventually("an answer for each account", func() bool {
		return len(p.logged("token refreshed")) == 1 && len(p.logged("token not refreshed")) == 2
	})
	s := &silence{t: t}
	shop := func(method, path, body string, headers ...string) answer {
		return s.hear(p.call(method, "/@shop"+path, body, append([]string{byClient}, headers...)...))
	}

	for _, account := range []string{"wrong", "elsewhere"} {
		s.hear(p.call("GET", "/@"+account+userInfo, "", byClient)).mustBe(t, http.StatusServiceUnavailable, "token_unavailable")
	}
	shop("GET", userInfo+"&access_token="+canaryOfCaller+"&x="+canaryOfCaller, "")
	for _, end := range []func(string){w.Revoke, w.Expire, w.Steal} {
		end(appID)
		if a := shop("GET", userInfo, ""); a.header.Get("Wxproxy-Attempts") != "2" {
			t.Errorf("got %d %s; want the second attempt", a.code, a.body)
		}
	}
	for _, f := range []wechattest.Fault{
		{Errcode: 40001, Times: 2}, {Errcode: 42001, Times: 2}, {Errcode: -1, Times: 1}, {Empty: true, Times: 1}, {Status: 502, Times: 1},
		{CloseBefore: true, Times: 1}, {CloseAfter: true, Times: 1}, {Truncate: 5, Times: 1}, {Truncate: -1, Times: 1},
		{Delay: time.Second, Times: 1},
	} {
		f.Path = "/cgi-bin/message/*"
		clear := w.Inject(f)
		shop("POST", send+"?x="+canaryOfCaller, `{"touser":"`+canaryOfCaller+`"}`)
		clear()
		f.Path = "/sns/jscode2session"
		clear = w.Inject(f)
		shop("GET", f.Path+"?js_code="+canaryOfCaller+"&appid=x&secret="+canaryOfCaller, "")
		clear()
	}
	s.badRequests(p)
	s.misplaced(p, w.Tokens(appID))

	s.adminPages(p)
	w.Close()
	shop("GET", userInfo, "").mustBe(t, http.StatusBadGateway, "upstream_unreachable")
	s.adminPages(p)
	p.stop()
	s.mustHold(p)
	for _, want := range []string{"token refreshed", "token not refreshed", "sending again", "request"} {
		if len(p.logged(want)) == 0 {
			t.Errorf("got no line %q in the log; want to have looked at one", want)
		}
	}
}

// misplaced sends every secret where the log shows what a caller wrote: as the
// request's id and as a word of the path.
func (s *silence) misplaced(p *program, tokens []string) {
	s.t.Helper()
	if len(tokens) == 0 {
		s.t.Error("got no token of WeChat's; want one to misplace")
	}
	for _, secret := range append(tokens, canarySecret, canaryClientKey, canaryAdminKey) {
		for _, headers := range [][]string{{byClient}, nil} {
			a := s.hear(p.call("GET", userInfo, "", append(headers, "X-Request-Id: "+secret)...))
			if id := a.header.Get("X-Request-Id"); len(id) != 26 {
				s.t.Errorf("got %q; want an id that the proxy made", id)
			}
			s.hear(p.call("GET", "/@shop/cgi-bin/"+url.PathEscape(secret)+"/x", "", headers...))
		}
	}
}

// adminPages asks for every page of the admin listener, in every way, but for the
// one whose business it is to hand out a token.
func (s *silence) adminPages(p *program) {
	s.t.Helper()
	token := "/accounts/shop/token"
	for _, path := range []string{
		"/healthz", "/readyz", "/status", "/status?apis=1", "/apis", "/metrics", "/", "/?lang=zh&q=o&key=" + canaryOfCaller, "/page.css", "/page.js", token, "/accounts/nobody/token", "/accounts/shop/refresh", "/nowhere?key=" + canaryAdminKey,
		"/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/symbol?x=" + canaryOfCaller, "/debug/pprof/goroutine?debug=2", "/debug/pprof/goroutine?debug=1",
		"/debug/pprof/heap", "/debug/pprof/heap?debug=1", "/debug/pprof/allocs?debug=1", "/debug/pprof/block?debug=1", "/debug/pprof/mutex?debug=1",
		"/debug/pprof/threadcreate?debug=1", "/debug/pprof/profile?seconds=1", "/debug/pprof/trace?seconds=0.1",
	} {
		if path != token {
			s.hear(p.mustAsk("GET", p.admin+path, "", byAdmin))
			s.hear(p.mustAsk("POST", p.admin+path, `{"access_token":"`+canaryOfCaller+`"}`, byAdmin))
		}
		s.hear(p.mustAsk("GET", p.admin+path, ""))
		s.hear(p.mustAsk("GET", p.admin+path, "", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("me:"+canaryAdminKey))))
		s.hear(p.mustAsk("POST", p.admin+path, `{"access_token":"x"}`, "Authorization: Bearer not-"+canaryAdminKey))
	}
	for _, page := range []string{"wxproxy_requests_total{", "goroutine profile: total", "Types of profiles available", "heap profile: ", `id="account-shop"`, "处理办法", `"failed_calls": [`, "The last calls that failed"} {
		if !strings.Contains(s.said.String(), page) {
			s.t.Errorf("got no %q; want to have looked at it", page)
		}
	}
}

// badRequests sends what the proxy refuses, much of it no HTTP at all.
func (s *silence) badRequests(p *program) {
	s.t.Helper()
	large := strings.Repeat(canaryOfCaller, 100)
	for _, r := range []struct{ method, path, body, header string }{
		{"GET", userInfo, "", "Authorization: Bearer not-" + canaryClientKey},
		{"GET", userInfo, "", "Authorization: Basic " + canaryClientKey},
		{"GET", "/@" + canaryOfCaller + userInfo, "", byClient},
		{"GET", "/@shop/cgi-bin/menu/get?x=" + canaryOfCaller, "", byClient},
		{"GET", "/@shop/cgi-bin/token?appid=" + appID + "&secret=" + canaryClientKey, "", byClient},
		{"POST", "/@shop/cgi-bin/stable_token", `{"appid":"` + appID + `","secret":"` + canaryClientKey + `"}`, byClient},
		{"GET", "/@shop/cgi-bin/component/x?x=" + canaryOfCaller, "", byClient},
		{"GET", "/@shop//x?access_token=" + canaryOfCaller, "", byClient},
		{"GET", "/@shop/x%2f..%2f?access_token=" + canaryOfCaller, "", byClient},
		{"GET", "/@shop/x?" + canaryOfCaller + "=1&" + canaryClientKey + "&" + url.QueryEscape(canarySecret) + "=", "", byClient},
		{canaryOfCaller, "/@shop/x", "", byClient},
		{"TRACE", "/@shop" + userInfo + "&x=" + canaryOfCaller, "", byClient},
		{"POST", "/@shop" + send, large, byClient},
		{"GET", "/@shop" + userInfo + "&x=" + strings.Repeat(canaryOfCaller, 1000), "", byClient},
	} {
		// The proxy closes where it has not read all: the answer may be lost.
		if a, err := p.ask(r.method, p.proxy+r.path, r.body, r.header); err == nil {
			s.hear(a)
		}
	}
	for _, raw := range []string{
		"GET /" + canaryOfCaller + "\r\n\r\n",
		"GET /@shop/x?" + canaryOfCaller + " HTTP/1.1\r\nAuthorization Bearer " + canaryClientKey + "\r\n\r\n",
		"GET /@shop/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + canaryClientKey + "\r\nContent-Length: " + canaryOfCaller + "\r\n\r\n",
		"POST /@shop/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + canaryClientKey + "\r\nTransfer-Encoding: chunked\r\n\r\n" + canaryOfCaller + "\r\n",
		"GET http://" + canaryOfCaller + ".example/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + canaryClientKey + "\r\n\r\n",
		"CONNECT " + canaryOfCaller + ":443 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + canaryClientKey + "\r\n\r\n",
		"\x16\x03\x01 " + canaryClientKey,
	} {
		fmt.Fprintf(&s.said, "%s\n", p.speak(raw))
	}
}

// speak sends raw bytes to the proxy, nothing behind them, and returns what it
// says to them.
func (p *program) speak(raw string) string {
	p.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(p.proxy, "http://"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, raw)
	c.(*net.TCPConn).CloseWrite()
	said, err := io.ReadAll(c)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		p.t.Errorf("%.40q: %v", raw, err)
	}
	return string(said)
}

func TestNoSecretIsSaidWhateverTheTokenAPIAnswers(t *testing.T) {
	t.Parallel()
	quoted := canarySecret + " " + url.QueryEscape(canarySecret)
	for name, f := range map[string]wechattest.Fault{
		"a refusal that quotes the secret": {Body: []byte(`{"errcode":40125,"errmsg":"invalid appsecret ` + quoted + `"}`)},
		"a refusal with a token":           {Body: []byte(`{"errcode":-1,"errmsg":"busy","access_token":"wechattest_x"}`)},
		"a quotation that is no JSON":      {Body: []byte(quoted)},
		"JSON of another shape":            {Body: []byte(`{"access_token":{"wechattest_x":"` + quoted + `"}}`)},
		"a number that is text":            {Body: []byte(`{"errcode":-1,"errmsg":"busy","expires_in":"` + quoted + `"}`)},
		"a token that no URL can have":     {Body: []byte(`{"access_token":"wechattest_x\r\n","expires_in":7200}`)},
		"a redirect":                       {Status: 302, Header: http.Header{"Location": {"https://" + url.PathEscape(canarySecret) + ".example/"}}},
		"a status of its own":              {Status: 418, Body: []byte(quoted)},
		"a truncated answer":               {Truncate: 30},
		"nothing":                          {CloseAfter: true},
		"no body":                          {Empty: true},
	} {
		for _, api := range []string{"stable", "classic"} {
			t.Run(name+", "+api, func(t *testing.T) {
				t.Parallel()
				w := startWeChat(t, wechattest.App{ID: appID, Secret: canarySecret})
				for _, path := range []string{"/cgi-bin/token", "/cgi-bin/stable_token"} { // which is what check asks, whatever the API
					f := f
					f.Path = path
					w.Inject(f)
				}
				p := startCanary(t, w.URL, strings.Replace(canaryConfig, "[[client]]", "token_api = \""+api+"\"\n[[client]]", 1))
				p.eventually("a failure", func() bool { return len(p.logged("token not refreshed")) > 0 })
				s := &silence{t: t}
				s.hear(p.call("GET", userInfo, "", byClient)).mustBe(t, http.StatusServiceUnavailable, "token_unavailable")
				s.hear(p.mustAsk("GET", p.admin+"/status", "", byAdmin))
				s.hear(p.mustAsk("GET", p.admin+"/readyz", ""))
				checked := runs(t, exitFailure, launch{args: []string{"check", "-live"}, dir: p.cmd.Dir, env: p.cmd.Env})
				p.stop()
				s.mustHold(p)
				s.mustHold(checked)
			})
		}
	}
}

func TestNoSecretIsSaidOfAnUpstreamThatEchoes(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"as a status line": "%[1]s\r\n\r\n",
		"as a header":      "HTTP/1.1 200 OK\r\n%[1]s\r\n: %[1]s\r\n\r\n",
		"as a length":      "HTTP/1.1 200 OK\r\nContent-Length: %[1]s\r\n\r\n",
		"as a chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%[1]s\r\n",
		"as a status":      "HTTP/1.1 %[1]s\r\n\r\n",
		"as a reason":      "HTTP/1.1 200 %[1]s\r\nContent-Length: x\r\n\r\n",
		"after too long":   "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<17) + "%[1]s\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startCanary(t, "http://"+echo(t, answer), canaryConfig)
			p.awaitReady()
			s := &silence{t: t}
			for _, path := range []string{userInfo, "/sns/jscode2session?js_code=x"} {
				a := s.hear(p.call("GET", path, "", byClient))
				a.mustBe(t, http.StatusBadGateway, "upstream_unreachable")
			}
			p.stop()
			s.mustHold(p)
		})
	}
}

// echo starts an upstream that issues a token, and to every other request
// answers with its first line in format.
func echo(t *testing.T, format string) string {
	t.Helper()
	return sockettest.Serve(t, func(c net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		if r.URL.Path == "/cgi-bin/stable_token" {
			token := `{"access_token":"` + wechattest.TokenPrefix + `x","expires_in":7200}`
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(token), token)
			return
		}
		fmt.Fprintf(c, format, "GET "+r.RequestURI)
	})
}

func TestNoSecretIsSaidInACrash(t *testing.T) {
	t.Parallel()
	w := startWeChat(t, wechattest.App{ID: appID, Secret: canarySecret})
	w.Inject(wechattest.Fault{Path: send, Delay: time.Hour})
	p := startCanary(t, w.URL, strings.Replace(canaryConfig, `"300ms"`, `"10m"`, 1))
	p.awaitReady()
	go p.ask("POST", p.proxy+send+"?x="+canaryOfCaller, canaryOfCaller, byClient)
	p.eventually("the request at WeChat", func() bool { return w.Calls(send) == 1 })

	p.signal(syscall.SIGQUIT) // which makes the runtime show every goroutine
	if p.wait() == exitOK {
		t.Error("got exit code 0; want a crash")
	}
	if !strings.Contains(p.stderr.String(), "goroutine ") {
		t.Errorf("got %s; want the goroutines", p.stderr.tail())
	}
	(&silence{t: t}).mustHold(p)
}
