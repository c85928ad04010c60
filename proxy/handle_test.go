package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/internal/egress"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

// laterError is an error of a Tokens that knows when to come again.
type laterError struct{ after time.Duration }

func (e laterError) Error() string {
	return "WeChat says 40164; put 203.0.113.9 on the allow-list"
}
func (e laterError) RetryAfter() time.Duration { return e.after }

func TestRequestIsSentOnceMoreWhenTheTokenIsRefused(t *testing.T) {
	const second = `{"errcode":0,"msgid":7}`
	rows := []struct {
		name         string
		tokens       *fixedTokens
		answers      []string
		wantBody     string
		wantAttempts string
	}{
		{"accepted at once", &fixedTokens{token: "old", replacement: "new"}, []string{rawtest.OKBody}, rawtest.OKBody, "1"},
		{"refused, then accepted", &fixedTokens{token: "old", replacement: "new"}, []string{rawtest.RefusedBody, second}, second, "2"},
		{"refused twice", &fixedTokens{token: "old", replacement: "new"},
			[]string{rawtest.RefusedBody, `{"errcode":42001}`, second}, `{"errcode":42001}`, "2"},
		{"WeChat stands by the token and was flapping", &fixedTokens{token: "old", replacement: "old"}, []string{rawtest.RefusedBody, second}, second, "2"},
		{"WeChat stands by the token and refuses it here", &fixedTokens{token: "old", replacement: "old"}, []string{rawtest.RefusedBody, rawtest.RefusedBody, second}, rawtest.RefusedBody, "2"},
		{"another errcode", &fixedTokens{token: "old", replacement: "new"}, []string{`{"errcode":40003}`, second}, `{"errcode":40003}`, "1"},
		{"system error", &fixedTokens{token: "old", replacement: "new"}, []string{`{"errcode":-1}`, second}, `{"errcode":-1}`, "1"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			u := &recorder{answers: row.answers}
			body := "binary \x00\r\n\xff" + strings.Repeat("x", 10_000)
			ctx := handle(t, New(config(u, shopWith(row.tokens)...)), post("/cgi-bin/message/send?a=%62&access_token=x", body))
			h := &ctx.Response.Header
			if got := string(ctx.Response.Body()); got != row.wantBody {
				t.Errorf("got the body %q; want %q", got, row.wantBody)
			}
			if got := string(h.Peek("Wxproxy-Attempts")); got != row.wantAttempts || fmt.Sprint(len(u.got)) != got {
				t.Errorf("got %q attempts and %d requests; want %s", got, len(u.got), row.wantAttempts)
			}
			if got := string(h.Peek("Wxproxy-Account")); got != "shop" {
				t.Errorf("got the account %q; want shop", got)
			}
			for i, got := range u.got {
				target := "/cgi-bin/message/send?a=%62&access_token=" + []string{"old", row.tokens.replacement}[i]
				want := sent{"POST", target, fmt.Sprintf("Content-Length: %d\r\n", len(body)), body}
				if got != want {
					t.Errorf("request %d: got %.200q; want %.200q", i+1, got, want)
				}
			}
			wantReplaced := []string(nil)
			if row.answers[0] == rawtest.RefusedBody {
				wantReplaced = []string{"old"}
			}
			if !slices.Equal(row.tokens.replaced, wantReplaced) {
				t.Errorf("got Replace called for %q; want %q", row.tokens.replaced, wantReplaced)
			}
		})
	}
}

func TestWithoutAGoodTokenTheCallerLearnsWhy(t *testing.T) {
	u := &recorder{answers: []string{rawtest.RefusedBody}}
	tokens := &fixedTokens{token: "old", replaceErr: laterError{2 * time.Second}}
	ctx := handle(t, New(config(u, shopWith(tokens)...)), post("/cgi-bin/message/send", "{}"))
	body, retry := string(ctx.Response.Body()), string(ctx.Response.Header.Peek("Retry-After"))
	if ctx.Response.StatusCode() != 503 || !strings.Contains(body, "token_unavailable") || !strings.Contains(body, "203.0.113.9") || retry != "2" {
		t.Errorf("got %d %s, Retry-After %q; want token_unavailable in words, and 2", ctx.Response.StatusCode(), body, retry)
	}
	if len(u.got) != 1 {
		t.Errorf("got %d requests; want one", len(u.got))
	}
}

// lateError is an error of a Tokens whose time was over.
type lateError struct{ laterError }

func (lateError) Timeout() bool { return true }

func TestWithoutAGoodTokenInTimeTheCallerLearnsWhatWeChatSaid(t *testing.T) {
	u := &recorder{answers: []string{rawtest.RefusedBody}}
	tokens := &fixedTokens{token: "old", replaceErr: lateError{laterError{time.Second}}}
	ctx := handle(t, New(config(u, shopWith(tokens)...)), post("/cgi-bin/message/send", "{}"))
	body, retry := string(ctx.Response.Body()), string(ctx.Response.Header.Peek("Retry-After"))
	if ctx.Response.StatusCode() != 503 || !strings.Contains(body, "WeChat refused the token with errcode 40001") || retry != "1" {
		t.Errorf("got %d %s, Retry-After %q; want WeChat's errcode", ctx.Response.StatusCode(), body, retry)
	}
}

func TestAPathWhereEveryTokenIsRefusedIsNotTriedTwiceForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &recorder{answers: slices.Repeat([]string{rawtest.RefusedBody}, 100)}
		p := New(config(u, shopWith(&fixedTokens{token: "good", replacement: "good"})...))
		for _, step := range []struct {
			name, path string
			pause      time.Duration
			attempts   string
		}{
			{"the first time", "/closed", 0, "2"},
			{"the next moment", "/closed", 0, "1"},
			{"in another spelling", "/Closed/", 0, "1"},
			{"a moment before it is forgotten", "/closed", 30*time.Second - 1, "1"},
			{"when it is forgotten", "/closed", 1, "2"},
			{"on another path", "/other", 0, "2"},
		} {
			time.Sleep(step.pause)
			ctx := handle(t, p, rawtest.Get(step.path))
			if got := string(ctx.Response.Header.Peek("Wxproxy-Attempts")); got != step.attempts || string(ctx.Response.Body()) != rawtest.RefusedBody {
				t.Errorf("%s: got %s attempts and %s; want %s and WeChat's refusal", step.name, got, ctx.Response.Body(), step.attempts)
			}
		}
	})
}

func TestNothingIsSentAgainWhereNoTokenWasAdded(t *testing.T) {
	rows := []struct{ name, path, wantTarget string }{
		{"user", "/sns/userinfo?access_token=users-own&openid=o&from_appid=wxshop", "/sns/userinfo?access_token=users-own&openid=o"},
		{"none", "/plain/path?access_token=theirs&x", "/plain/path?access_token=theirs&x"},
		{"secret", "/sns/jscode2session?AppID=x&secret=y&js_code=c&access_token=theirs",
			"/sns/jscode2session?js_code=c&appid=wxshop&secret=shop-secret"},
		{"secret, another spelling", "/cgi-bin/clear_quota/v2?app%73ecret=x&secret=not-for-wechat",
			"/cgi-bin/clear_quota/v2?appid=wxshop&appsecret=shop-secret"},
		{"appid alone", "/sns/oauth2/refresh_token?refresh_token=r&appid=x&secret=not-for-wechat",
			"/sns/oauth2/refresh_token?refresh_token=r&appid=wxshop"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			u := &recorder{answers: []string{rawtest.RefusedBody}}
			tokens := &fixedTokens{token: "old", replacement: "new"}
			c := config(u, shopWith(tokens)...)
			c.Accounts[0].Kind.Routes = []accountkind.Route{{Pattern: "/plain/*", Credential: accountkind.CredentialNone}}
			ctx := handle(t, New(c), rawtest.Get(row.path))
			if len(u.got) != 1 || len(tokens.replaced) != 0 {
				t.Fatalf("got %d requests and Replace for %q; want one request", len(u.got), tokens.replaced)
			}
			if u.got[0].target != row.wantTarget {
				t.Errorf("got the target %q; want %q", u.got[0].target, row.wantTarget)
			}
			if got := string(ctx.Response.Body()); got != rawtest.RefusedBody {
				t.Errorf("got the body %q; want WeChat's refusal", got)
			}
		})
	}
}

func TestEveryProblemHasItsRow(t *testing.T) {
	failing := func(err error) Upstream {
		return upstreamFunc(func(*upstream.Message, *fasthttp.Response) error { return err })
	}
	withSecret := func(secret func() (string, error)) []Account {
		a := shop()
		a.Secret = secret
		return []Account{a}
	}
	ok := &recorder{answers: []string{rawtest.OKBody}}
	withClient := config(ok)
	client := keyed("orders", "orders-key")
	client.Accounts, client.Deny = []string{"none"}, []string{"/no"}
	withClient.Clients = []Client{client, keyed("all", "all-key")}
	withClient.Clients[1].Deny = []string{"/no"}
	denying := config(ok)
	denying.TokenEndpoint = TokenDeny

	lostProxy, err := egress.Parse("http://u:s3cret@proxy.corp:3128", "upstream.proxy")
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name       string
		config     Config
		request    string
		status     int
		errcode    int
		slug       string
		retryAfter string
		words      string // somewhere in errmsg
	}{
		{"a bad target", config(ok), rawtest.Get("/a%2fb"), 400, -40000, "bad_request", "", "encoded slash"},
		{"CONNECT", config(ok), "CONNECT api.weixin.qq.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400, -40000, "bad_request", "", "method"},
		{"TRACE", config(ok), "TRACE /p HTTP/1.1\r\nHost: x\r\n\r\n", 400, -40000, "bad_request", "", "method"},
		{"another host", config(ok), rawtest.Get("http://evil.example/"), 400, -40000, "bad_request", "", "not WeChat's"},
		{"an asterisk", config(ok), "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400, -40000, "bad_request", "", "must begin with"},
		{"a bad header", config(ok), rawtest.Get("/p", "A: b\r\n c"), 400, -40000, "bad_request", "", "line"},
		{"no key", withClient, rawtest.Get("/p"), 401, -40100, "unauthenticated", "", "Authorization: Bearer"},
		{"a wrong key", withClient, rawtest.Get("/p", "Authorization: Bearer x"), 401, -40100, "unauthenticated", "", "no client has this key"},
		{"another's account", withClient, rawtest.Get("/@shop/p", "Authorization: Bearer orders-key"), 403, -40300, "forbidden_account", "", "shop"},
		{"a forbidden path", withClient, rawtest.Get("/no", "Authorization: Bearer all-key"), 403, -40301, "forbidden_path", "", "client all"},
		{"a component's API", config(ok), rawtest.Get("/cgi-bin/component/api_query_auth"), 403, -40302, "no_credential", "", "third-party"},
		{"the token API", denying, rawtest.Get("/cgi-bin/token?grant_type=client_credential"), 403, -40302, "no_credential", "", "stay in the proxy"},
		{"no such account", config(ok), rawtest.Get("/@nobody/p"), 404, -40400, "unknown_account", "", "no account"},
		{"a panic", config(upstreamFunc(func(*upstream.Message, *fasthttp.Response) error { panic("PANIC-TEXT") })), rawtest.Get("/p"),
			500, -50000, "internal_error", "", "mistake"},
		{"an error that nobody knows", config(failing(errors.New("UNKNOWN-TEXT"))), rawtest.Get("/p"), 500, -50000, "internal_error", "", "mistake"},
		{"WeChat is away", config(failing(fmt.Errorf("%w: dialling", upstream.ErrUnreachable))), rawtest.Get("/p"),
			502, -50200, "upstream_unreachable", "", "nothing was sent"},
		{"the proxy leads nowhere", config(failing(fmt.Errorf("%w: https://api.weixin.qq.com: %w", upstream.ErrUnreachable, lostProxy.Unreachable("api.weixin.qq.com:443", errors.New("UNKNOWN-TEXT"))))), rawtest.Get("/p"),
			502, -50200, "upstream_unreachable", "", "the proxy proxy.corp:3128 cannot be reached; check host and port in upstream.proxy"},
		{"the answer broke off", config(failing(fmt.Errorf("%w: reading", upstream.ErrBroken))), rawtest.Get("/p"),
			502, -50200, "upstream_unreachable", "", "may have taken effect"},
		{"no token", config(ok, shopWith(&fixedTokens{err: fmt.Errorf("shop: %w", laterError{1500 * time.Millisecond})})...), rawtest.Get("/p"),
			503, -50300, "token_unavailable", "2", "203.0.113.9"},
		{"no token, at once", config(ok, shopWith(&fixedTokens{err: laterError{0}})...), rawtest.Get("/p"),
			503, -50300, "token_unavailable", "", "40164"},
		{"no AppSecret", config(ok, withSecret(func() (string, error) { return "", errors.New("UNKNOWN-TEXT") })...),
			rawtest.Get("/sns/jscode2session"), 503, -50300, "token_unavailable", "", "AppSecret of account shop"},
		{"all connections in use", config(failing(upstream.ErrBusy)), rawtest.Get("/p"), 503, -50301, "upstream_busy", "1", "nothing was sent"},
		{"a cut behind a proxy", config(failing(&upstream.ThroughProxyError{Proxy: "proxy.corp:3128", Err: upstream.ErrBroken})), rawtest.Get("/p"), 502, -50200, "upstream_unreachable", "",
			"complete (through the proxy proxy.corp:3128); the request may have taken effect and is not sent again; the proxy may cut connections"},
		{"no answer in time", config(failing(upstream.ErrTimeout)), rawtest.Get("/p"), 504, -50400, "upstream_timeout", "", "may have taken effect"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var log bytes.Buffer
			row.config.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			ctx := handle(t, New(row.config), row.request)
			var body struct {
				Errcode int
				Errmsg  string
			}
			if err := json.Unmarshal(ctx.Response.Body(), &body); err != nil {
				t.Fatal(err)
			}
			if got := ctx.Response.StatusCode(); got != row.status {
				t.Errorf("got status %d; want %d", got, row.status)
			}
			if body.Errcode != row.errcode || !strings.HasPrefix(body.Errmsg, "wxproxy: "+row.slug+": ") || !strings.Contains(body.Errmsg, row.words) {
				t.Errorf("got %+v; want %d, %s and %q", body, row.errcode, row.slug, row.words)
			}
			if got := slugOf(ctx); got != row.slug {
				t.Errorf("got the slug %q; want %q", got, row.slug)
			}
			if got := string(ctx.Response.Header.Peek("Retry-After")); got != row.retryAfter {
				t.Errorf("got Retry-After %q; want %q", got, row.retryAfter)
			}
			if got := ctx.Response.Header.Peek("Wxproxy-Attempts"); got != nil {
				t.Errorf("got %q attempts in an answer that is not WeChat's", got)
			}
			for _, hidden := range []string{"PANIC-TEXT", "shop-token", "shop-secret"} {
				if strings.Contains(ctx.Response.String()+log.String(), hidden) {
					t.Errorf("%s is in the answer or in the log: %s %s", hidden, ctx.Response.Body(), log.String())
				}
			}
			if strings.Contains(ctx.Response.String(), "UNKNOWN-TEXT") {
				t.Errorf("the caller reads an unknown error: %s", ctx.Response.Body())
			}
		})
	}
}

func TestSecondAttemptThatFailsIsTheAnswer(t *testing.T) {
	attempts := 0
	u := upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
		if attempts++; attempts == 2 {
			return upstream.ErrTimeout
		}
		resp.Header.Set("X-First", "answer")
		resp.SetBodyString(rawtest.RefusedBody)
		return nil
	})
	ctx := handle(t, New(config(u, shopWith(&fixedTokens{token: "old", replacement: "new"})...)), post("/p", "{}"))
	if got := slugOf(ctx); got != "upstream_timeout" || attempts != 2 {
		t.Errorf("got %q after %d attempts; want upstream_timeout after 2", got, attempts)
	}
	if ctx.Response.Header.Peek("X-First") != nil {
		t.Error("the error has a header of the first answer")
	}
}

func TestPanicDoesNotSpoilTheNextRequest(t *testing.T) {
	calls := 0
	p := New(config(upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
		if calls++; calls == 1 {
			panic("first")
		}
		resp.SetBodyString(rawtest.OKBody)
		return nil
	})))
	handle(t, p, rawtest.Get("/p"))
	if got := string(handle(t, p, rawtest.Get("/p")).Response.Body()); got != rawtest.OKBody {
		t.Errorf("got %q; want WeChat's answer", got)
	}
	if got := p.InFlight(); got != 0 {
		t.Errorf("got %d requests in flight; want none", got)
	}
}

func TestAccessLogSaysWhoDidWhatAndNeverTheQuery(t *testing.T) {
	rows := []struct {
		name    string
		access  bool
		level   slog.Level
		request string
		want    []string
	}{
		{"an answer", true, slog.LevelInfo, rawtest.Get("/@shop/p?q=hidden", "Authorization: Bearer key"),
			[]string{"level=INFO", "msg=request", "method=GET", "path=/p", "status=200", "attempts=1", "account=shop", "client=orders"}},
		{"an answer, without access log", false, slog.LevelInfo, rawtest.Get("/p?q=hidden", "Authorization: Bearer key"), nil},
		{"an answer, at debug level", false, slog.LevelDebug, rawtest.Get("/p?q=hidden", "Authorization: Bearer key"), []string{"level=DEBUG"}},
		{"a refusal", true, slog.LevelInfo, rawtest.Get("/p?q=hidden"), []string{"status=401", `path=/p `, "attempts=0", "err=\"unauthenticated:"}},
		{"a target that cannot be read", true, slog.LevelInfo, rawtest.Get("/a//?q=hidden"), []string{"status=400"}},
		{"a mistake of ours", false, slog.LevelInfo, rawtest.Get("/break?q=hidden", "Authorization: Bearer key"), []string{"level=WARN", "status=500"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var log bytes.Buffer
			c := config(upstreamFunc(func(m *upstream.Message, resp *fasthttp.Response) error {
				if bytes.HasPrefix(m.Target, []byte("/break")) {
					return errors.New("unknown")
				}
				return nil
			}))
			c.Clients, c.LogAccess = []Client{keyed("orders", "key")}, row.access
			c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: row.level}))
			p := New(c)
			handle(t, p, rawtest.Get("/earlier", "Authorization: Bearer key"))
			log.Reset()
			handle(t, p, row.request)
			if row.want == nil && log.Len() > 0 {
				t.Errorf("got %q; want nothing", log.String())
			}
			for _, want := range row.want {
				if !strings.Contains(log.String(), want) {
					t.Errorf("got %q; want %q in it", log.String(), want)
				}
			}
			if strings.Contains(log.String(), "hidden") || strings.Contains(log.String(), "earlier") {
				t.Errorf("got %q, which says too much", log.String())
			}
		})
	}
}

// A writerFunc is a writer that is a function.
type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

// The line of the access log is written between the start of a stream and the end of the
// handler.
func TestAnAnswerThatStreamsIsInFlightOnce(t *testing.T) {
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(string(rawtest.Noise(1<<20)))))
	var p atomic.Pointer[Proxy]
	during := make(chan int, 1)
	c := config(hostsAt(t, nil, w.URL))
	c.LogAccess, c.Log, c.AccessLog = true, slog.New(slog.NewJSONHandler(discard{}, nil)), AccessLog{Out: writerFunc(func(line []byte) (int, error) {
		during <- p.Load().InFlight()
		return len(line), nil
	})}
	s := serve(t, c, defaultLimits)
	p.Store(s.proxy)
	if a := s.dial(t).Call(rawtest.Get("/p")); a.Status() != 200 {
		t.Fatalf("got %q; want 200", a.Head)
	}
	if got := <-during; got != 1 {
		t.Errorf("got %d in flight; want 1", got)
	}
	rawtest.WaitUntil(t, "the end of the transfer", func() bool { return s.proxy.InFlight() == 0 })
}

func TestRequestsInFlightAreCounted(t *testing.T) {
	var p *Proxy
	during := 0
	p = New(config(upstreamFunc(func(*upstream.Message, *fasthttp.Response) error {
		during = p.InFlight()
		return nil
	})))
	handle(t, p, rawtest.Get("/p"))
	if after := p.InFlight(); during != 1 || after != 0 {
		t.Errorf("got %d during a request and %d after; want 1 and 0", during, after)
	}
	if p.Draining() {
		t.Error("the proxy drains though nobody said so")
	}
}
