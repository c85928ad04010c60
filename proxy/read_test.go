package proxy

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/virtual"
)

// A request is answered and sent as if it were the first one, whatever was remembered of
// those before it.
func TestARequestIsReadAsIfItWereTheFirst(t *testing.T) {
	one, two := keyed("one", "key of one"), keyed("two", "key of two")
	virtual := func(c Client, left time.Duration) string {
		return virtual.New(virtual.IDOf("wxshop"), virtual.IDOf(c.Name), time.Now().Add(left), new(virtual.NewKey("", c.KeySHA256[:])))
	}
	good := virtual(one, time.Hour)
	forged := good[:len(good)-2] + map[bool]string{true: "B", false: "A"}[good[len(good)-2] == 'A'] + good[len(good)-1:]
	requests := []string{
		rawtest.Get("/cgi-bin/user/get?access_token=" + good), rawtest.Get("/cgi-bin/user/get?access_token=" + forged), rawtest.Get("/cgi-bin/user/get?access_token=" + good[:40]),
		rawtest.Get("/cgi-bin/user/get?access_token=" + virtual(one, -time.Hour)), rawtest.Get("/forbidden?access_token=" + good),
		rawtest.Get("/cgi-bin/user/get?access_token="+virtual(two, time.Hour), "Authorization: Bearer key of two"),
		rawtest.Get("/cgi-bin/user/get?access_token="+good, "Authorization: Bearer key of two"),
		rawtest.Get("/cgi-bin/user/get"), rawtest.Get("/cgi-bin/user/get?"), rawtest.Get("/cgi-bin/user/get?a=b"), rawtest.Get("/CGI-BIN/user/get"),
		rawtest.Get("/cgi-bin/user/get", "Authorization: Bearer key of two"), rawtest.Get("/cgi-bin/user/get", "Authorization: Bearer key of twx"),
		rawtest.Get("/cgi-bin/user/get", "Wxproxy-Account: school"), rawtest.Get("/@school/cgi-bin/user/get"), rawtest.Get("/@nobody/cgi-bin/user/get"),
		rawtest.Get("http://api.weixin.qq.com/cgi-bin/user/get"), rawtest.Get("http://example.com/cgi-bin/user/get"),
		rawtest.Get("/sns/jscode2session?js_code=c"), rawtest.Get("/sns/jscode2session?js_code=c&secret=key+of+two"), rawtest.Get("/sns/userinfo?access_token=theirs"),
		rawtest.Get("/cgi-bin/component/api_start_push_ticket"), rawtest.Get("/forbidden"), rawtest.Get("/cgi-bin//user/get"), rawtest.Get("/cgi-bin/../forbidden"),
		rawtest.Get("/cgi-bin/user/get?access_token=x;access_token=y"), rawtest.Get("/cgi-bin/token?appid=wxshop&secret=key+of+two"),
	}
	start := func() (*Proxy, *recorder) {
		u := &recorder{answers: []string{rawtest.OKBody}}
		c := config(u, shop(), account("school", "wxschool"))
		one.Deny, two.Accounts = []string{"/forbidden"}, []string{"shop"}
		c.Default, c.Clients = "shop", []Client{one, two}
		return New(c), u
	}
	ask := func(p *Proxy, u *recorder, request string) string {
		ctx := bareCtx(t, request)
		if len(ctx.Request.Header.Peek(fasthttp.HeaderAuthorization)) == 0 {
			ctx = bareCtx(t, request[:len(request)-2]+"Authorization: Bearer key of one\r\n\r\n")
		}
		u.got = nil
		p.Handle(ctx)
		return fmt.Sprintf("%d %.90s %q %q", ctx.Response.StatusCode(), ctx.Response.Body(), ctx.Response.Header.Peek("Wxproxy-Account"), u.got)
	}
	var alone []string
	for _, request := range requests {
		p, u := start()
		alone = append(alone, ask(p, u, request))
	}
	p, u := start()
	for i, before := range requests {
		for j, request := range requests {
			ask(p, u, before)
			for range 2 {
				if got := ask(p, u, request); got != alone[j] {
					t.Errorf("after\n%s%s\ngot  %s\nwant %s", requests[i], request, got, alone[j])
				}
			}
		}
	}
}

// A token that changed is in the next request, and so is one that changed back.
func TestATargetThatRepeatsHasTheTokenOfTheMoment(t *testing.T) {
	tokens := &fixedTokens{}
	u := &recorder{answers: []string{rawtest.OKBody}}
	p := New(config(u, shopWith(tokens)...))
	for i, token := range []string{"a", "a", "b", "b", "a", "a/b", "a"} {
		tokens.token, tokens.replacement = token, token
		handle(t, p, rawtest.Get("/cgi-bin/user/get"))
		if want := "/cgi-bin/user/get?access_token=" + url.QueryEscape(token); u.got[i].target != want {
			t.Errorf("request %d: got %q; want %q", i, u.got[i].target, want)
		}
	}
}
