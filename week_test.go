package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/wechattest"
	"wxproxy/proxy"
	"wxproxy/token"
)

// inMemory lets a Proxy reach a simulated WeChat without a socket, which could
// not be in a bubble.
type inMemory struct{ wechat *wechattest.WeChat }

func (i inMemory) Send(m *proxy.Message, resp *fasthttp.Response) error {
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
		return proxy.ErrBroken
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	resp.SetStatusCode(answer.StatusCode)
	resp.SetBody(body)
	return err
}

// A week of ordinary life, with both APIs: the token expires a dozen times a day,
// and now and then somebody else refreshes it. No caller notices, and WeChat is
// not asked for more tokens than that takes.
func TestAWeek(t *testing.T) {
	t.Parallel()
	for _, api := range []token.API{token.Stable, token.Classic} {
		t.Run(string(api), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { liveAWeek(t, api) })
		})
	}
}

func liveAWeek(t *testing.T, api token.API) {
	const days, perDay, thefts = 7, 1000, 5
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	client := &token.Client{
		HTTP: &http.Client{Transport: w}, URL: "http://wechat", AppID: appID, API: api,
		Secret: func() (token.Secret, error) { return token.NewSecret(appSecret), nil },
	}
	keeper := token.NewKeeper(token.Options{Name: "shop", AppID: appID, Fetch: client.Fetch, Classic: api == token.Classic})
	keeper.Start()
	defer keeper.Stop()
	p := proxy.New(proxy.Config{
		Accounts:      []proxy.Account{{Name: "shop", AppID: appID, Tokens: keeper}},
		RetryErrcodes: []int{40001, 40014, 42001},
		TokenWait:     30 * time.Second,
		Upstream:      inMemory{w},
		Log:           slog.New(slog.DiscardHandler),
	})
	for n := range days * perDay {
		if n%(days*perDay/thefts) == 1 {
			w.Revoke(appID)
		}
		ctx := sendMessage(t, p, n)
		if body := ctx.Response.Body(); ctx.Response.StatusCode() != http.StatusOK || !bytes.Contains(body, []byte(`"errcode":0`)) {
			t.Fatalf("request %d, after %v: got %d %s", n, time.Duration(n)*24*time.Hour/perDay, ctx.Response.StatusCode(), body)
		}
		time.Sleep(24 * time.Hour / perDay)
	}
	mustBeDistinct(t, w.Sent(), days*perDay)
	got := w.Fetches(appID)
	least := days*24/2 + thefts // a token lives two hours, and dies when it is stolen
	if fetches := got.Stable + got.Classic; fetches < least || fetches > least*11/10 {
		t.Errorf("got %d fetches (%+v); want %d to %d", fetches, got, least, least*11/10)
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
	p.Handle(ctx)
	return ctx
}
