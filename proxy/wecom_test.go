package proxy

import (
	"testing"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/rawtest"
)

// wecom is a proxy for accounts of WeCom's, and one of WeChat's that is the default.
func wecom(clients []Client, answers ...string) (p *Proxy, qyapi *recorder) {
	p, qyapi, _ = wecomWith(func(c *Config) { c.Clients = clients }, answers...)
	return p, qyapi
}

// wecomWith lets a test change the configuration. The corp ww1 has the applications crm and
// oa, ww2 has book.
func wecomWith(change func(*Config), answers ...string) (p *Proxy, qyapi, wechat *recorder) {
	qyapi, wechat = &recorder{answers: append(answers, rawtest.OKBody)}, &recorder{answers: []string{rawtest.OKBody}}
	kind := &Kind{Table: &accountkind.WeCom, Upstream: qyapi, Hosts: accountkind.WeCom.Hosts, TokenErrcodes: accountkind.WeCom.TokenErrcodes}
	accounts := []Account{shop()}
	for _, a := range [][3]string{{"crm", "ww1", "1000002"}, {"oa", "ww1", "1000003"}, {"book", "ww2", ""}} {
		one := account(a[0], a[1])
		one.Kind, one.Key = kind, a[1]+"/"+a[0]
		one.Tokens = &fixedTokens{token: a[0] + "-token", replacement: a[0] + "-new"}
		accounts = append(accounts, one)
	}
	c := config(wechat, accounts...)
	c.Default, c.TokenEndpoint = "shop", TokenVirtual
	if change != nil {
		change(&c)
	}
	return New(c), qyapi, wechat
}

// What only somebody at WeCom's console can mend goes to the caller, and is counted with the
// address that is not on the list.
func TestRefusalsOfWeComsAreCountedForTheStatus(t *testing.T) {
	const refusal = `{"errcode":60020,"errmsg":"not allow to access from your ip, hint: [1], from ip: 203.0.113.7, more info at https://x"}`
	p, qyapi := wecom(nil, refusal)
	if ctx := handle(t, p, rawtest.Get("/@crm/cgi-bin/user/get")); string(ctx.Response.Body()) != refusal || len(qyapi.got) != 1 {
		t.Errorf("got %s after %v; want WeCom's refusal after one request", ctx.Response.Body(), qyapi.got)
	}
	got := p.config.Counts.Refusals("crm")
	if len(got) != 1 || got[0].Errcode != 60020 || got[0].Count != 1 || got[0].IP.String() != "203.0.113.7" || got[0].LastAt.IsZero() {
		t.Errorf("got %v; want 60020 once, from 203.0.113.7", got)
	}
	p, _ = wecom(nil, `{"errcode":40013,"errmsg":"x, from ip: 203.0.113.7"}`)
	if handle(t, p, rawtest.Get("/@crm/cgi-bin/user/get")); p.config.Counts.Refusals("crm") != nil {
		t.Error("got an errcode counted that the kind does not report")
	}
	for _, errcode := range []int{60020, 48009, 50003, 301002} {
		if p.accounts["crm"].kind.refuses(errcode) || p.accounts["shop"].kind.Table.ReportedErrcodes != nil {
			t.Errorf("%d: got a rejection of the token, or a report of WeChat's", errcode)
		}
	}
}
