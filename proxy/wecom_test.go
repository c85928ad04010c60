package proxy

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"wxproxy/accountkind"
	"wxproxy/internal/audit"
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
	for _, a := range []struct {
		name, corp string
		agent      Agent
	}{{"crm", "ww1", Agent{ID: "1000002"}}, {"oa", "ww1", Agent{ID: "1000003", IsText: true}}, {"book", "ww2", Agent{}}} {
		one := account(a.name, a.corp)
		one.Kind, one.Key, one.Agent = kind, a.corp+"/"+a.name, a.agent
		one.Tokens = &fixedTokens{token: a.name + "-token", replacement: a.name + "-new"}
		one.Ticket = func(ticketType string, _ time.Duration) (string, error) { return a.name + "-" + ticketType, nil }
		one.LendTicket = func(ticketType string, _ time.Duration) (string, time.Duration, error) {
			return a.name + "-" + ticketType, time.Hour, nil
		}
		one.Lend = func(time.Duration) (string, time.Duration, error) { return "real-" + a.name, time.Hour, nil }
		accounts = append(accounts, one)
	}
	c := config(wechat, accounts...)
	c.Default, c.TokenEndpoint = "shop", TokenVirtual
	if change != nil {
		change(&c)
	}
	return New(c), qyapi, wechat
}

// onlyOf is a client that may use these accounts alone. Its key is its name and "-key".
func onlyOf(name string, accounts ...string) Client {
	c := keyed(name, name+"-key")
	c.Accounts = accounts
	return c
}

// shows is the header with the key of a client.
func shows(client string) string { return "Authorization: Bearer " + client + "-key" }

// atHost is a GET that names a host.
func atHost(host, target string, headers ...string) string {
	return strings.Replace(rawtest.Get(target, headers...), "\r\nHost: "+hostOf(rawtest.Get("/")), "\r\nHost: "+host, 1)
}

func hostOf(raw string) string {
	_, rest, _ := strings.Cut(raw, "\r\nHost: ")
	host, _, _ := strings.Cut(rest, "\r\n")
	return host
}

// WeCom's host chooses among its accounts, and whoever is named wins over it.
func TestTheHostChoosesAmongWeComsAccounts(t *testing.T) {
	const qyapi = "qyapi.weixin.qq.com"
	clients := []Client{onlyOf("all"), onlyOf("oa", "oa"), onlyOf("both", "shop", "oa"), onlyOf("two", "crm", "oa"), onlyOf("wechat", "shop")}
	for name, row := range map[string]struct {
		raw      string
		fallback string // the default of WeCom's
		want     string // the account whose token is sent, or a slug
	}{
		"the client's only account":            {atHost(qyapi, "/cgi-bin/x", shows("oa")), "crm", "oa"},
		"the client's only one of WeCom's":     {atHost(qyapi, "/cgi-bin/x", shows("both")), "crm", "oa"},
		"the default":                          {atHost(qyapi, "/cgi-bin/x", shows("all")), "crm", "crm"},
		"the default, of two":                  {atHost(qyapi, "/cgi-bin/x", shows("two")), "crm", "crm"},
		"no default":                           {atHost(qyapi, "/cgi-bin/x", shows("all")), "", "unknown_account"},
		"no default, of two":                   {atHost(qyapi, "/cgi-bin/x", shows("two")), "", "unknown_account"},
		"a port":                               {atHost(qyapi+":443", "/cgi-bin/x", shows("all")), "crm", "crm"},
		"in capitals":                          {atHost("QYAPI.weixin.qq.com", "/cgi-bin/x", shows("all")), "crm", "crm"},
		"in absolute form":                     {rawtest.Get("http://"+qyapi+"/cgi-bin/x", shows("all")), "crm", "crm"},
		"in absolute form over Host":           {atHost("api.weixin.qq.com", "http://"+qyapi+"/cgi-bin/x", shows("oa")), "", "oa"},
		"named by the header":                  {atHost(qyapi, "/cgi-bin/x", shows("all"), "Wxproxy-Account: book"), "crm", "book"},
		"named by the prefix":                  {atHost(qyapi, "/@oa/cgi-bin/x", shows("all")), "crm", "oa"},
		"named in the query":                   {atHost(qyapi, "/cgi-bin/x?from_appid=ww2", shows("all")), "crm", "book"},
		"WeChat's is named":                    {atHost(qyapi, "/@shop/cgi-bin/x", shows("all")), "crm", "shop"},
		"WeChat's is named in the query":       {atHost(qyapi, "/cgi-bin/x?from_appid=wxshop", shows("all")), "crm", "shop"},
		"a client of WeChat's":                 {atHost(qyapi, "/cgi-bin/x", shows("wechat")), "crm", "forbidden_account"},
		"another host":                         {rawtest.Get("/cgi-bin/x", shows("all")), "crm", "shop"},
		"another host, the only account":       {rawtest.Get("/cgi-bin/x", shows("oa")), "crm", "oa"},
		"another host, several":                {rawtest.Get("/cgi-bin/x", shows("two")), "crm", "forbidden_account"},
		"WeChat's host":                        {atHost("api.weixin.qq.com", "/cgi-bin/x", shows("all")), "crm", "shop"},
		"a corp with one application":          {rawtest.Get("/@ww2/cgi-bin/x", shows("all")), "", "book"},
		"a corp with two applications":         {rawtest.Get("/@ww1/cgi-bin/x", shows("all")), "", "unknown_account"},
		"a robot needs no account":             {atHost(qyapi, "/cgi-bin/webhook/send?key=k", shows("all")), "", "/cgi-bin/webhook/send?key=k"},
		"a robot by any account":               {rawtest.Get("/@book/cgi-bin/webhook/send?key=k", shows("all")), "", "/cgi-bin/webhook/send?key=k"},
		"a robot, and a client of WeChat's":    {atHost(qyapi, "/cgi-bin/webhook/send?key=k", shows("wechat")), "", "unknown_account"},
		"a robot by WeChat's account":          {rawtest.Get("/cgi-bin/webhook/send?key=k", shows("all")), "", "no_credential"},
		"WeChat's token path at WeCom's host":  {atHost(qyapi, "/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=x", shows("all")), "crm", "no_credential"},
		"WeChat's ticket path at WeCom's host": {atHost(qyapi, "/cgi-bin/ticket/getticket?type=jsapi", shows("all")), "crm", "no_credential"},
	} {
		t.Run(name, func(t *testing.T) {
			p, qyapi, wechat := wecomWith(func(c *Config) {
				c.Clients = clients
				c.Accounts[1].Kind.Default = row.fallback
			})
			ctx := handle(t, p, row.raw)
			got := slugOf(ctx)
			for _, sent := range append(qyapi.got, wechat.got...) {
				if got = sent.target; strings.Contains(got, "-token") {
					got = strings.TrimSuffix(got[strings.LastIndexByte(got, '=')+1:], "-token")
				}
			}
			if got != row.want {
				t.Errorf("got %s, %s; want %s", got, ctx.Response.Body(), row.want)
			}
		})
	}
}

func TestACorpOfSeveralApplicationsIsToldTheirNames(t *testing.T) {
	p, _ := wecom([]Client{onlyOf("all"), onlyOf("one", "crm", "book"), onlyOf("none", "shop")})
	for client, want := range map[string]string{"all": "name one of crm, oa\"", "one": "name one of crm\"", "none": "no account has the name"} {
		for _, raw := range []string{rawtest.Get("/@ww1/cgi-bin/x", shows(client)), rawtest.Get("/cgi-bin/x", shows(client), "Wxproxy-Account: ww1"), rawtest.Get("/cgi-bin/x?from_appid=ww1", shows(client))} {
			if ctx := handle(t, p, raw); slugOf(ctx) != "unknown_account" || !strings.Contains(string(ctx.Response.Body()), want) {
				t.Errorf("%s, %.40q: got %s; want it to say %q", client, raw, ctx.Response.Body(), want)
			}
		}
	}
	if ctx := handle(t, p, rawtest.Get("/@ww1/cgi-bin/x")); slugOf(ctx) != "unauthenticated" {
		t.Errorf("a stranger: got %s", ctx.Response.Body())
	}
}

// A path means what the account's side says of it, and nothing goes to one side that the
// other's programs show there.
func TestClassesOfPathsForBothKinds(t *testing.T) {
	const app, ticket, none, deny = "app", "ticket", "none", "deny"
	for path, want := range map[string][2]string{ // WeChat, WeCom
		"/cgi-bin/message/send":                          {app, app},
		"/cgi-bin/media/upload":                          {app, app},
		"/cgi-bin/user/get":                              {app, app},
		"/cgi-bin/get_api_domain_ip":                     {app, app},
		"/cgi-bin/corpgroup/corp/list_app_share_info":    {deny, app},
		"/cgi-bin/miniprogram/jscode2session":            {deny, app},
		"/cgi-bin/get_jsapi_ticket":                      {deny, ticket},
		"/cgi-bin/ticket/get?type=agent_config":          {deny, ticket},
		"/cgi-bin/ticket/get?type=wx_card":               {deny, ticket},
		"/cgi-bin/ticket/get?type=other":                 {deny, app},
		"/cgi-bin/webhook/send?key=k":                    {deny, none},
		"/cgi-bin/webhook/upload_media?key=k":            {deny, none},
		"/cgi-bin/service/get_corp_token":                {deny, deny},
		"/cgi-bin/service/v2/get_permanent_code":         {deny, deny},
		"/cgi-bin/service":                               {deny, deny},
		"/cgi-bin/Service/get_suite_token/":              {deny, deny},
		"/cgi-bin/license/create_new_order":              {deny, deny},
		"/cgi-bin/advanced_api/x":                        {deny, deny},
		"/cgi-bin/paytool/x":                             {deny, deny},
		"/cgi-bin/openhw/x":                              {deny, deny},
		"/cgi-bin/hardware/get_device_feature":           {deny, deny},
		"/cgi-bin/corpgroup/corp/gettoken":               {deny, deny},
		"/cgi-bin/idconvert/upgrade_chatid_for_new_corp": {deny, deny},
		"/cgi-bin/stable_token":                          {"", deny},
		"/cgi-bin/token":                                 {"", deny},
		"/cgi-bin/gettoken":                              {deny, ""},
		"/cgi-bin/component/api_component_token":         {deny, deny},
		"/sns/jscode2session":                            {"", deny},
		"/sns/userinfo?access_token=x":                   {none, deny},
	} {
		for i, name := range []string{"shop", "crm"} {
			if want[i] == "" {
				continue
			}
			p, qyapi, wechat := wecomWith(nil)
			ctx := handle(t, p, rawtest.Get("/@"+name+path))
			separator := "?"
			if strings.Contains(path, "?") {
				separator = "&"
			}
			got := fmt.Sprint(ctx.Response.StatusCode())
			switch sent := append(qyapi.got, wechat.got...); {
			case len(sent) > 0 && sent[0].target == path:
				got = none
			case len(sent) > 0 && sent[0].target == path+separator+"access_token="+name+"-token":
				got = app
			case len(sent) > 0:
				got = "sent as " + sent[0].target
			case slugOf(ctx) == "no_credential":
				got = deny
			case strings.Contains(string(ctx.Response.Body()), `"ticket":"`+name+"-"):
				got = ticket
			}
			if got != want[i] {
				t.Errorf("%s by %s: got %s; want %s", path, name, got, want[i])
			}
		}
	}
}

// What a caller shows that could be a credential goes nowhere.
func TestNothingIsForwardedToWeComThatCouldBeACredential(t *testing.T) {
	for _, name := range []string{"access_token", "suite_access_token", "provider_access_token", "Suite_Access_Token", "provider%5faccess_token"} {
		p, qyapi := wecom(nil)
		if handle(t, p, rawtest.Get("/@crm/cgi-bin/user/get?"+name+"=theirs&userid=a")); len(qyapi.got) != 1 || qyapi.got[0].target != "/cgi-bin/user/get?userid=a&access_token=crm-token" {
			t.Errorf("%s: got %v; want it removed", name, qyapi.got)
		}
	}
	for name, path := range map[string]string{
		"a corpsecret":             "/@crm/cgi-bin/user/get?corpid=ww1&corpsecret=theirs",
		"a spelled corpsecret":     "/@crm/cgi-bin/user/get?Corp%53ecret=theirs",
		"one of a suite":           "/@crm/cgi-bin/user/get?suite_secret=theirs",
		"a permanent code":         "/@crm/cgi-bin/user/get?permanent_code=theirs",
		"a robot's key":            "/@crm/cgi-bin/message/send?key=693a91f6-7xxx",
		"a robot's key at tickets": "/@crm/cgi-bin/get_jsapi_ticket?key=693a91f6-7xxx",
		"a corpsecret for a robot": "/@crm/cgi-bin/webhook/send?key=k&corpsecret=theirs",
		"behind a semicolon":       "/@crm/cgi-bin/user/get?a=b;corpsecret=theirs",
		"a token behind one":       "/@crm/cgi-bin/user/get?a=b;suite_access_token=theirs",
	} {
		p, qyapi := wecom(nil)
		if ctx := handle(t, p, rawtest.Get(path)); slugOf(ctx) != "bad_request" || len(qyapi.got) != 0 || strings.Contains(string(ctx.Response.Body()), "theirs") {
			t.Errorf("%s: got %s after %v; want 400", name, ctx.Response.Body(), qyapi.got)
		}
	}
	p, _, wechat := wecomWith(nil)
	if handle(t, p, rawtest.Get("/cgi-bin/x?key=k")); len(wechat.got) != 1 {
		t.Error("a key is none of WeChat's business, and yet refused there")
	}
}

// fetch asks for a token as SDKs do.
func fetch(corpID, secret string, headers ...string) string {
	return rawtest.Get("/cgi-bin/gettoken?corpid="+corpID+"&corpsecret="+secret, headers...)
}

func TestGettokenChoosesTheApplication(t *testing.T) {
	clients := []Client{onlyOf("all"), onlyOf("oa", "shop", "oa"), onlyOf("book", "book"), onlyOf("colon:x"), onlyOf("colon")}
	clients[3].KeySHA256 = keyed("", "colon-key:crm").KeySHA256 // the whole of it is a key
	for name, row := range map[string]struct {
		raw     string
		clients []Client
		want    string // the account, or what the answer says
	}{
		"the corp's only one":                    {fetch("ww2", "all-key"), clients, "book"},
		"a name behind the key":                  {fetch("ww1", "all-key:crm"), clients, "crm"},
		"an agent_id behind the key":             {fetch("ww1", "all-key%3A1000003"), clients, "oa"},
		"the client's only one of the corp":      {fetch("ww1", "oa-key"), clients, "oa"},
		"that is named, too":                     {fetch("ww1", "oa-key:oa"), clients, "oa"},
		"another one is named, without effect":   {fetch("ww1", "oa-key:crm"), clients, "oa"},
		"by the prefix":                          {rawtest.Get("/@crm/cgi-bin/gettoken?corpid=ww1&corpsecret=all-key"), clients, "crm"},
		"by the header":                          {fetch("ww1", "all-key", "Wxproxy-Account: oa"), clients, "oa"},
		"by the query":                           {rawtest.Get("/cgi-bin/gettoken?corpid=ww1&corpsecret=all-key&from_appid=oa"), clients, "oa"},
		"by the prefix and the secret":           {rawtest.Get("/@crm/cgi-bin/gettoken?corpid=ww1&corpsecret=all-key:1000002"), clients, "crm"},
		"by both, the prefix first":              {rawtest.Get("/@crm/cgi-bin/gettoken?corpid=ww1&corpsecret=all-key:oa"), clients, "crm"},
		"a whole secret that is a key":           {fetch("ww1", "colon-key:crm"), clients, "40001 several applications"},
		"with further parameters":                {rawtest.Get("/cgi-bin/gettoken?appid=x&secret=y&neededText=z&corpid=ww2&corpsecret=all-key&grant_type=q&debug=1&access_token=w"), clients, "book"},
		"a form":                                 {post("/cgi-bin/gettoken", "corpid=ww1&corpsecret=all-key%3Aoa"), clients, "oa"},
		"JSON":                                   {post("/cgi-bin/gettoken", `{"corpid":"ww1","corpsecret":"all-key:oa"}`), clients, "oa"},
		"at WeCom's host":                        {atHost("qyapi.weixin.qq.com", "/cgi-bin/gettoken?corpid=ww2&corpsecret=all-key"), clients, "book"},
		"the key in the header":                  {rawtest.Get("/cgi-bin/gettoken?corpid=ww2", shows("all")), clients, "book"},
		"the key in the header, a name":          {fetch("ww1", ":oa", shows("all")), clients, "oa"},
		"the same key twice":                     {fetch("ww1", "all-key:oa", shows("all")), clients, "oa"},
		"two keys":                               {fetch("ww1", "oa-key", shows("all")), clients, "40001 client key"},
		"an application of another corp":         {fetch("ww2", "all-key:crm"), clients, "40001 nor the agent_id"},
		"an agent of another corp":               {fetch("ww2", "all-key:1000002"), clients, "40001 nor the agent_id"},
		"an account of another corp":             {rawtest.Get("/@book/cgi-bin/gettoken?corpid=ww1&corpsecret=all-key"), clients, "40013 of another corp"},
		"a corp that is none":                    {fetch("ww9", "all-key"), clients, "40013 no account"},
		"WeChat's appid":                         {fetch("wxshop", "all-key"), clients, "40013 no account"},
		"an account's name":                      {fetch("crm", "all-key"), clients, "40013 no account"},
		"two corps":                              {fetch("ww2", "all-key&corpid=ww1"), clients, "40013 two different"},
		"no corp":                                {fetch("", "all-key"), clients, "41002 corpid missing"},
		"no key":                                 {fetch("ww2", ""), clients, "40001 client key"},
		"a wrong key":                            {fetch("ww2", "wrong"), clients, "40001 client key"},
		"a wrong key and a name":                 {fetch("ww1", "wrong:crm"), clients, "40001 client key"},
		"the corpsecret itself":                  {fetch("ww2", "book-secret"), clients, "40001 client key"},
		"a robot's key":                          {fetch("ww2", "693a91f6-7xxx"), clients, "40001 client key"},
		"which application":                      {fetch("ww1", "all-key"), clients, "40001 KEY:NAME, or let the base URL end in /@NAME, with one of crm, oa)"},
		"the corp as a name":                     {rawtest.Get("/@ww1/cgi-bin/gettoken?corpid=ww1&corpsecret=all-key"), clients, "40001 of this corp are crm, oa"},
		"a name that is none":                    {rawtest.Get("/@nobody/cgi-bin/gettoken?corpid=ww1&corpsecret=all-key"), clients, "40001 of this corp are crm, oa"},
		"not the client's":                       {fetch("ww2", "oa-key"), clients, "forbidden_account"},
		"none of the corp is the client's":       {fetch("ww1", "book-key"), clients, "forbidden_account"},
		"WeChat's account is named":              {rawtest.Get("/@shop/cgi-bin/gettoken?corpid=ww1&corpsecret=x", shows("all")), clients, "no_credential"},
		"WeChat's account is named in the query": {rawtest.Get("/cgi-bin/gettoken?corpid=ww1&corpsecret=all-key&from_appid=wxshop"), clients, "no_credential"},
		"DELETE":                                 {"DELETE /cgi-bin/gettoken?corpid=ww2&corpsecret=all-key HTTP/1.1\r\nHost: x\r\n\r\n", clients, "43001 require GET"},

		"alone":                            {fetch("ww2", "whatever"), nil, "book"},
		"alone, without any secret":        {rawtest.Get("/cgi-bin/gettoken?corpid=ww2"), nil, "book"},
		"alone, a name behind the secret":  {fetch("ww1", "whatever:crm"), nil, "crm"},
		"alone, a secret with a colon":     {fetch("ww2", "what:ever"), nil, "book"},
		"alone, which application":         {fetch("ww1", "whatever"), nil, "40001 with one of crm, oa)"},
		"alone, which, with a colon":       {fetch("ww1", "what:ever"), nil, "40001 with one of crm, oa)"},
		"alone, by the prefix":             {rawtest.Get("/@oa/cgi-bin/gettoken?corpid=ww1&corpsecret=what:ever"), nil, "oa"},
		"alone, WeChat's account is named": {rawtest.Get("/@shop/cgi-bin/gettoken?corpid=ww1&corpsecret=x"), nil, "no_credential"},
	} {
		t.Run(name, func(t *testing.T) {
			p, qyapi := wecom(row.clients)
			ctx := handle(t, p, row.raw)
			answer := string(ctx.Response.Body())
			if strings.Contains(answer, "all-key") || strings.Contains(answer, "-secret") {
				t.Errorf("got %s; want no secret in it", answer)
			}
			if !strings.Contains(answer, `{"errcode":0,"errmsg":"ok","access_token":"wxp_`) || !strings.HasSuffix(answer, `","expires_in":7200}`) {
				slug, words, inWords := strings.Cut(row.want, " ")
				switch {
				case inWords && (!strings.Contains(answer, `"errcode":`+slug+",") || !strings.Contains(answer, words) || ctx.Response.StatusCode() != 200):
					t.Errorf("got %s; want %s with HTTP 200", answer, row.want)
				case !inWords && slugOf(ctx) != row.want:
					t.Errorf("got %s; want %s", answer, row.want)
				}
				return
			}
			_, token, _ := strings.Cut(answer, `"access_token":"`)
			token, _, _ = strings.Cut(token, `"`)
			handle(t, p, rawtest.Get("/cgi-bin/user/get?access_token="+token+"&userid=a"))
			if len(qyapi.got) != 1 || qyapi.got[0].target != "/cgi-bin/user/get?userid=a&access_token="+row.want+"-token" {
				t.Errorf("got %v; want the token of %s", qyapi.got, row.want)
			}
		})
	}
}

func TestGettokenIsHeldToTokenEndpoint(t *testing.T) {
	p, _, _ := wecomWith(func(c *Config) { c.TokenEndpoint = TokenReal })
	if got := string(handle(t, p, fetch("ww2", "x")).Response.Body()); got != `{"errcode":0,"errmsg":"ok","access_token":"real-book","expires_in":3600}` {
		t.Errorf("real: got %s", got)
	}
	p, _, _ = wecomWith(func(c *Config) { c.TokenEndpoint = TokenDeny })
	if ctx := handle(t, p, fetch("ww2", "x")); slugOf(ctx) != "no_credential" {
		t.Errorf("deny: got %s", ctx.Response.Body())
	}
	limited := onlyOf("limited")
	limited.Deny = []string{"/cgi-bin/user/*"}
	p, _, _ = wecomWith(func(c *Config) { c.TokenEndpoint, c.Clients = TokenReal, []Client{limited} })
	if ctx := handle(t, p, fetch("ww2", "limited-key")); slugOf(ctx) != "forbidden_path" {
		t.Errorf("a client with limits: got %s", ctx.Response.Body())
	}
	p, _, _ = wecomWith(func(c *Config) { c.Accounts = c.Accounts[:1] })
	if ctx := handle(t, p, fetch("ww2", "x")); slugOf(ctx) != "no_credential" {
		t.Errorf("no account of WeCom's: got %s", ctx.Response.Body())
	}
}

// SDKs fetch another token upon 42001, and some stop at 40014.
func TestBadVirtualTokensOfWeComAre42001(t *testing.T) {
	p, qyapi := wecom(nil)
	token := ask(t, p, fetch("ww2", "x")).AccessToken
	for name, bad := range map[string]string{"forged": token[:len(token)-3] + "abc", "no token at all": "wxp_x", "of nobody": strings.Replace(token, "wxp_A", "wxp_B", 1)} {
		if got := ask(t, p, rawtest.Get("/@book/cgi-bin/user/get?access_token="+bad)); got.Errcode != 42001 || !strings.HasPrefix(got.Errmsg, "access_token expired") || len(qyapi.got) != 0 {
			t.Errorf("%s: got %+v; want 42001", name, got)
		}
	}
}

func TestWeComsRejectionsOfTokens(t *testing.T) {
	for errcode, want := range map[int]int{40014: 2, 42001: 2, 40001: 1, 60020: 1, 40082: 1, 42009: 1, 301002: 1} {
		p, qyapi := wecom(nil, fmt.Sprintf(`{"errcode":%d,"errmsg":"x"}`, errcode))
		if handle(t, p, rawtest.Get("/@crm/cgi-bin/user/get")); len(qyapi.got) != want {
			t.Errorf("%d: got %v; want it sent %d times", errcode, qyapi.got, want)
		}
	}
}

func TestPagesAreSignedForWeCom(t *testing.T) {
	const page = "/wxproxy/jsapi-signature?url=https%3A%2F%2Fcorp.example%2F"
	for name, row := range map[string]struct{ path, want string }{
		"wx.config":                {"/@crm" + page, `{"appId":"ww1","timestamp":`},
		"wx.agentConfig":           {"/@crm" + page + "&type=agent_config", `,"corpid":"ww1","agentid":1000002}`},
		"the type first":           {"/@crm" + strings.Replace(page, "?", "?type=agent_config&", 1), `,"corpid":"ww1","agentid":1000002}`},
		"an agentid in quotes":     {"/@oa" + page + "&type=agent_config", `,"corpid":"ww1","agentid":"1000003"}`},
		"no agent_id":              {"/@book" + page + "&type=agent_config", "agent_id"},
		"no agent_id, wx.config":   {"/@book" + page, `{"appId":"ww2",`},
		"another type":             {"/@crm" + page + "&type=jsapi", "agent_config"},
		"an empty type":            {"/@crm" + page + "&type=", "agent_config"},
		"two types":                {"/@crm" + page + "&type=agent_config&type=x", "agent_config"},
		"another parameter":        {"/@crm" + page + "&a=b", "only url"},
		"WeChat's pages as before": {"/@shop" + page + "&type=agent_config", "only url"},
	} {
		p, _ := wecom(nil)
		ctx := handle(t, p, rawtest.Get(row.path))
		isGood := strings.Contains(row.want, `"`)
		if !strings.Contains(string(ctx.Response.Body()), row.want) || (ctx.Response.StatusCode() == 200) != isGood || !isGood && slugOf(ctx) != "bad_request" {
			t.Errorf("%s: got %s; want %s", name, ctx.Response.Body(), row.want)
		}
	}
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

// The audit tells of keys that are nobody's, and not of programs that do not say which
// application they mean. Forged tokens are in the log, expired ones happen to everybody.
func TestTheLogTellsWrongKeysOfWeComsProgramsFromMistakes(t *testing.T) {
	for name, row := range map[string]struct {
		raw               string
		isAudited, isSaid bool
	}{
		"a wrong key":            {fetch("ww2", "wrong"), true, true},
		"a wrong key and a name": {fetch("ww1", "wrong:crm"), true, true},
		"which application":      {fetch("ww1", "all-key"), false, true},
		"a name that is none":    {fetch("ww1", "all-key:nobody"), false, true},
		"a good key and a name":  {fetch("ww1", "all-key:crm"), false, false},
		"a forged token":         {rawtest.Get("/@crm/cgi-bin/x?access_token=wxp_forged"), false, true},
	} {
		var said lineLog
		p, _, _ := wecomWith(func(c *Config) {
			c.Clients, c.Log = []Client{onlyOf("all")}, slog.New(slog.NewTextHandler(&said, nil))
			c.Audit = audit.New(c.Log)
		})
		handle(t, p, row.raw)
		if (said.count("msg=audit") == 1) != row.isAudited || (said.count("a request was refused") == 1) != row.isSaid {
			t.Errorf("%s: got %s", name, said.text.String())
		}
	}
}
