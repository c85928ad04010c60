package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/proxy"
	"wxproxy/proxy/upstream"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

// inMemory lets a Proxy reach a simulated WeChat without a socket, which could
// not be in a bubble.
type inMemory struct{ wechat *wechattest.WeChat }

func (i inMemory) Send(m *upstream.Message, resp *fasthttp.Response) error {
	req, err := http.NewRequest(string(m.Method), "http://wechat"+string(m.Target), m.Body.Reader())
	if err != nil {
		return err
	}
	fields, err := textproto.NewReader(bufio.NewReader(strings.NewReader(string(m.Fields) + "\r\n"))).ReadMIMEHeader()
	if err != nil {
		return err
	}
	req.Header, req.ContentLength = http.Header(fields), m.Body.Len()
	answer, err := i.wechat.RoundTrip(req)
	if err != nil {
		return upstream.ErrBroken
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	resp.SetStatusCode(answer.StatusCode)
	resp.SetBody(body)
	return err
}

// A week with both APIs, 5,000 requests a day: the token expires a dozen times a
// day, somebody else refreshes it, WeChat restarts and flaps, the token API is
// away for an hour, and the AppSecret is replaced. No caller notices but while
// no good token can be had, and WeChat issues no more tokens than that takes.
func TestAWeek(t *testing.T) {
	t.Parallel()
	for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { newWeek(api).live(t) })
		})
	}
}

const (
	days   = 7
	perDay = 5_000
)

// A week is a simulated WeChat, a proxy before it, and what happens to them.
type week struct {
	wechat   *wechattest.WeChat
	keeper   *token.Keeper
	proxy    *proxy.Proxy
	tokenAPI string
	secret   atomic.Pointer[string] // as the operator has it

	deaths    int  // of tokens, each of which costs a fetch
	tokenless bool // no good token can be had
	sent      int  // messages that succeeded
}

func newWeek(api wechat.API) *week {
	w := &week{wechat: wechattest.New(wechattest.App{ID: appID, Secret: appSecret}), tokenAPI: "/cgi-bin/stable_token"}
	w.secret.Store(new(string(appSecret)))
	client := &wechat.Client{
		HTTP: &http.Client{Transport: w.wechat}, URL: "http://wechat", AppID: appID, API: api,
		Secret: func() (secret.Secret, error) { return secret.New(*w.secret.Load()), nil },
	}
	o := token.Options{Issuer: wechat.NewIssuer(),
		Name: "shop", AppID: appID, Fetch: client.Fetch, Force: client.Force,
		Probe: client.Probe, SecretChanged: client.SecretChanged,
	}
	if api == wechat.Classic {
		w.tokenAPI, o.Kind, o.Force = "/cgi-bin/token", token.Rotating{}, nil
	}
	w.keeper = token.NewKeeper(o)
	kind := &proxy.Kind{Table: &accountkind.WeChat, Upstream: inMemory{w.wechat}, TokenErrcodes: []int{40001, 40014, 42001}}
	w.proxy = proxy.New(proxy.Config{
		Accounts:  []proxy.Account{{Name: "shop", AppID: appID, Kind: kind, Tokens: w.keeper}},
		TokenWait: 30 * time.Second,
		Log:       slog.New(slog.DiscardHandler),
	})
	return w
}

// happenings are what happens at the n-th request of the week.
func (w *week) happenings() map[int]func() {
	const hour = perDay / 24
	later := func(d time.Duration, f func()) { time.AfterFunc(d, f) }
	away := func() {
		later(time.Hour, w.wechat.Inject(wechattest.Fault{Path: w.tokenAPI, Status: http.StatusBadGateway}))
	}
	die := func() { w.wechat.Revoke(appID); w.deaths++ }
	all := map[int]func(){
		// A restart: for ten seconds WeChat answers nothing but 502.
		1*perDay + 5: func() { later(10*time.Second, w.wechat.Inject(wechattest.Fault{Status: http.StatusBadGateway})) },
		// An outage of an hour while the token is good.
		2 * perDay: away,
		// WeChat refuses good tokens, every second time, for two minutes.
		3 * perDay: func() { later(2*time.Minute, w.wechat.Inject(wechattest.Fault{Path: send, Flap: true})) },
		// A new AppSecret, which the operator hands on after some minutes.
		4 * perDay: func() {
			w.wechat.SetSecret(appID, "another")
			later(20*time.Minute, func() { w.secret.Store(new("another")) })
		},
		// An outage of an hour in which the token dies: nobody can help.
		5 * perDay: func() {
			away()
			die()
			w.tokenless = true
		},
		5*perDay + hour + 1: func() { w.tokenless = false },
	}
	for n := 777; n < days*perDay; n += perDay / 3 { // a thief comes three times a day
		if all[n] == nil && (n <= 5*perDay || n >= 5*perDay+hour) {
			all[n] = die
		}
	}
	return all
}

func (w *week) live(t *testing.T) {
	w.keeper.Start()
	defer w.keeper.Stop()
	happenings := w.happenings()
	for n := range days * perDay {
		if happen := happenings[n]; happen != nil {
			happen()
		}
		w.request(t, n)
		time.Sleep(24 * time.Hour / perDay)
	}
	mustBeDistinct(t, w.wechat.Sent(), w.sent)
	if least := days*perDay - perDay/24 - 10; w.sent < least {
		t.Errorf("got %d messages sent; want %d at least, all but those of one outage and one restart", w.sent, least)
	}
	got := w.wechat.Fetches(appID)
	least := days*24/2 + w.deaths // a token lives two hours, or until it is stolen
	if fetches := got.Stable + got.Classic; fetches < least*9/10 || fetches > least*11/10 || got.Forced > 0 {
		t.Errorf("got %+v; want %d tokens, give or take a tenth, and none by force", got, least)
	}
}

// request has the proxy answer the n-th message, and checks the answer.
func (w *week) request(t *testing.T, n int) {
	ctx := sendMessage(t, w.proxy, n)
	status, body := ctx.Response.StatusCode(), ctx.Response.Body()
	switch {
	case status == http.StatusOK && bytes.Contains(body, []byte(`"errcode":0`)):
		w.sent++
	case status == http.StatusServiceUnavailable && w.tokenless && len(ctx.Response.Header.Peek("Retry-After")) > 0:
	case status == http.StatusBadGateway && len(ctx.Response.Header.Peek("Wxproxy-Error")) == 0: // WeChat's own
	default:
		t.Fatalf("request %d, after %v: got %d %s", n, time.Duration(n)*24*time.Hour/perDay, status, body)
	}
}

// sendMessage has p answer the n-th message of a caller.
func sendMessage(t *testing.T, p *proxy.Proxy, n int) *fasthttp.RequestCtx {
	t.Helper()
	body := fmt.Sprintf(`{"touser":"%d","msgtype":"text","text":{"content":"hello"}}`, n)
	var req fasthttp.Request
	raw := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: proxy\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", send, len(body), body)
	if err := req.Read(bufio.NewReader(strings.NewReader(raw))); err != nil {
		t.Fatal(err)
	}
	ctx := new(fasthttp.RequestCtx)
	ctx.Init(&req, nil, nil)
	ctx.Response.Header.SetNoDefaultContentType(true)
	p.Handler().Handle(ctx, math.MaxInt64)
	return ctx
}
