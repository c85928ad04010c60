package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/upstream"
)

const (
	merchant = "wx0123456789abcdef" // has authorized the platform saas
	lapsed   = "wx00000000000000ff" // has not any more
	shared   = "wx0000000000005aed" // has authorized saas and other
)

// A lack is an error of a platform's.
type lack struct{ unauthorized, unfed bool }

func (l lack) Error() string       { return "the merchant must authorize again" }
func (l lack) NotAuthorized() bool { return l.unauthorized }
func (l lack) NoTicket() bool      { return l.unfed }

// A refusedCall is WeChat's own answer.
type refusedCall struct{ error }

func (refusedCall) RefusedCall() (int, string, bool) { return 61010, "code is expired", true }

// madeUp is a platform that has these accounts.
func madeUp(name, appID string, authorizers ...string) Platform {
	pl := Platform{Account: Account{
		Name: name, AppID: appID,
		Tokens: &fixedTokens{token: name + "-token", replacement: name + "-token-2"},
		Secret: func() (string, error) { return name + "-secret", nil },
	}}
	pl.Authorizer = func(appID string) (Account, bool) {
		for _, known := range authorizers {
			if known == appID && appID == lapsed {
				return Account{Tokens: &fixedTokens{err: lack{unauthorized: true}}, Authorized: func() error { return lack{unauthorized: true} }}, true
			}
			if known == appID {
				return Account{Tokens: &fixedTokens{token: "of-" + appID, replacement: "of-" + appID + "-2"}}, true
			}
		}
		return Account{}, false
	}
	pl.Redeem = func(code string, _ time.Duration) (Grant, error) {
		if code != "queryauthcode@@@good" {
			return Grant{}, refusedCall{errors.New("no")}
		}
		return Grant{AppID: merchant, FuncInfo: json.RawMessage(`[{"funcscope_category":{"id":1}}]`)}, nil
	}
	pl.PreAuthCode = func(time.Duration) (string, time.Duration, error) { return "preauthcode@@@1", 1800 * time.Second, nil }
	return pl
}

func platformConfig(r *recorder, clients ...Client) Config {
	c := config(r, account("shop", "wxshop"))
	c.Default, c.Clients, c.TokenEndpoint = "shop", clients, TokenVirtual
	pl := madeUp("saas", "wxcomponent", merchant, lapsed, shared)
	pl.Account.Kind = c.Accounts[0].Kind
	c.Platforms = []Platform{pl}
	return c
}

// platformOnly is a proxy for a platform and no other account.
func platformOnly(r *recorder, clients ...Client) *Proxy {
	c := platformConfig(r, clients...)
	c.Accounts, c.Default = nil, ""
	return New(c)
}

func twoPlatforms(r *recorder, clients ...Client) *Proxy {
	c := platformConfig(r, clients...)
	other := madeUp("other", "wxothercomponent", shared)
	other.Account.Kind = c.Accounts[0].Kind
	c.Platforms = append(c.Platforms, other)
	return New(c)
}

func TestAPlatformsRequestsGetTheRightToken(t *testing.T) {
	for raw, want := range map[string]string{
		rawtest.Get("/@" + merchant + "/cgi-bin/user/get?component_access_token=x&a=1&access_token=y"):                   "/cgi-bin/user/get?a=1&access_token=of-" + merchant,
		rawtest.Get("/cgi-bin/user/get", "Wxproxy-Account: "+merchant):                                                   "/cgi-bin/user/get?access_token=of-" + merchant,
		rawtest.Get("/cgi-bin/user/get?from_appid=" + merchant):                                                          "/cgi-bin/user/get?access_token=of-" + merchant,
		rawtest.Get("/@saas:" + merchant + "/cgi-bin/user/get"):                                                          "/cgi-bin/user/get?access_token=of-" + merchant,
		rawtest.Get("/@saas%3A" + merchant + "/cgi-bin/user/get"):                                                        "/cgi-bin/user/get?access_token=of-" + merchant,
		rawtest.Get("/cgi-bin/user/get"):                                                                                 "/cgi-bin/user/get?access_token=shop-token",
		rawtest.Get("/wxa/gettemplatelist?component_access_token=x&ACCESS_token=y&a=1"):                                  "/wxa/gettemplatelist?a=1&access_token=saas-token",
		rawtest.Get("/@saas/cgi-bin/component/api_create_preauthcode"):                                                   "/cgi-bin/component/api_create_preauthcode?access_token=saas-token",
		rawtest.Get("/@wxcomponent/cgi-bin/component/unknown"):                                                           "/cgi-bin/component/unknown?access_token=saas-token",
		rawtest.Get("/@" + merchant + "/cgi-bin/component/api_create_preauthcode"):                                       "/cgi-bin/component/api_create_preauthcode?access_token=saas-token",
		rawtest.Get("/@" + merchant + "/cgi-bin/component/setprivacysetting"):                                            "/cgi-bin/component/setprivacysetting?access_token=of-" + merchant,
		rawtest.Get("/sns/component/jscode2session?appid=wx9&js_code=1&component_access_token=x&component_appid=theirs"): "/sns/component/jscode2session?appid=wx9&js_code=1&component_appid=wxcomponent&component_access_token=saas-token",
		rawtest.Get("/@" + merchant + "/sns/oauth2/component/access_token?code=1"):                                       "/sns/oauth2/component/access_token?code=1&appid=" + merchant + "&component_appid=wxcomponent&component_access_token=saas-token",
		rawtest.Get("/sns/jscode2session?appid=" + merchant + "&secret=x&js_code=1"):                                     "/sns/component/jscode2session?js_code=1&appid=" + merchant + "&component_appid=wxcomponent&component_access_token=saas-token",
		rawtest.Get("/@" + merchant + "/sns/oauth2/refresh_token?refresh_token=r"):                                       "/sns/oauth2/component/refresh_token?refresh_token=r&appid=" + merchant + "&component_appid=wxcomponent&component_access_token=saas-token",
		rawtest.Get("/sns/jscode2session?js_code=1"):                                                                     "/sns/jscode2session?js_code=1&appid=wxshop&secret=shop-secret",
		rawtest.Get("/@saas/cgi-bin/openapi/quota/get"):                                                                  "/cgi-bin/openapi/quota/get?access_token=saas-token",
		rawtest.Get("/@" + merchant + "/cgi-bin/openapi/quota/get"):                                                      "/cgi-bin/openapi/quota/get?access_token=of-" + merchant,
		rawtest.Get("/@" + merchant + "/tcb/invokecloudfunction"):                                                        "/tcb/invokecloudfunction?access_token=saas-token",
		rawtest.Get("/@shop/tcb/invokecloudfunction"):                                                                    "/tcb/invokecloudfunction?access_token=shop-token",
		rawtest.Get("/@" + merchant + "/sns/userinfo?access_token=theirs"):                                               "/sns/userinfo?access_token=theirs",
	} {
		r := &recorder{answers: []string{rawtest.OKBody}}
		ctx := handle(t, New(platformConfig(r)), raw)
		if len(r.got) != 1 || r.got[0].target != want {
			t.Errorf("%.90q: got %s and %v sent; want %s", raw, ctx.Response.Body(), r.got, want)
		}
	}
}

func TestRequestsThatFitNoPlatformAreRefused(t *testing.T) {
	for raw, want := range map[string]string{
		rawtest.Get("/@saas/cgi-bin/user/get"):                                                                "no_credential",
		rawtest.Get("/@saas/sns/jscode2session?js_code=1"):                                                    "no_credential",
		rawtest.Get("/@saas/cgi-bin/ticket/getticket?type=jsapi"):                                             "no_credential",
		rawtest.Get("/@saas/wxproxy/jsapi-signature?url=https%3A%2F%2Fx.example%2F"):                          "no_credential",
		rawtest.Get("/@shop/cgi-bin/component/api_create_preauthcode"):                                        "no_credential",
		rawtest.Get("/@" + merchant + "/cgi-bin/clear_quota/v2"):                                              "no_credential",
		rawtest.Get("/@wx9999999999999999/cgi-bin/user/get"):                                                  "unknown_account",
		rawtest.Get("/sns/jscode2session?appid=wx9999999999999999&js_code=1"):                                 "unknown_account",
		rawtest.Get("/@" + lapsed + "/cgi-bin/user/get"):                                                      "not_authorized",
		rawtest.Get("/@" + merchant + "/sns/component/jscode2session?appid=wx9&js_code=1"):                    "bad_request",
		rawtest.Get("/@nobody:" + merchant + "/cgi-bin/user/get"):                                             "unknown_account",
		rawtest.Get("/wxproxy/authorize-url?redirect_uri=x&other=1"):                                          "bad_request",
		rawtest.Get("/wxproxy/authorize-url"):                                                                 "bad_request",
		rawtest.Get("/wxproxy/authorize-url?redirect_uri=x&platform=nobody"):                                  "unknown_account",
		rawtest.Get("/wxproxy/authorize-url?redirect_uri=x&platform=shop"):                                    "unknown_account",
		post("/wxproxy/authorize-url?redirect_uri=x", "{}"):                                                   "bad_request",
		post("/cgi-bin/component/api_start_push_ticket", "a=b"):                                               "bad_request",
		post("/cgi-bin/component/api_start_push_ticket", `{"component_appid":"wxelse"}`):                      "unknown_account",
		post("/cgi-bin/component/api_start_push_ticket", `{"x":{"component_appid":"wxe"}}`):                   "bad_request",
		post("/cgi-bin/component/api_query_auth", `{"authorization_code":"`+strings.Repeat("x", 70<<10)+`"}`): "body_too_large",
	} {
		r := &recorder{answers: []string{rawtest.OKBody}}
		if ctx := handle(t, New(platformConfig(r)), raw); slugOf(ctx) != want || len(r.got) > 0 {
			t.Errorf("%.90q: got %s and %d requests sent; want %s", raw, ctx.Response.Body(), len(r.got), want)
		}
	}
}

func TestWithoutADefaultAPlatformIsNone(t *testing.T) {
	r := &recorder{answers: []string{rawtest.OKBody}}
	p := platformOnly(r)
	if ctx := handle(t, p, rawtest.Get("/cgi-bin/user/get")); slugOf(ctx) != "unknown_account" || len(r.got) > 0 {
		t.Errorf("got %s; want no account", ctx.Response.Body())
	}
	if handle(t, p, rawtest.Get("/tcb/invokecloudfunction")); len(r.got) != 1 || !strings.HasSuffix(r.got[0].target, "=saas-token") {
		t.Errorf("got %v; want the platform's token", r.got)
	}
}

func TestWithoutAPlatformItsPathsAreDenied(t *testing.T) {
	p := New(config(nil))
	for _, path := range []string{"/cgi-bin/component/api_component_token", "/cgi-bin/component/api_start_push_ticket", "/sns/component/jscode2session", "/wxa/gettemplatelist"} {
		if ctx := handle(t, p, rawtest.Get(path)); slugOf(ctx) != "no_credential" {
			t.Errorf("%s: got %s; want it denied", path, ctx.Response.Body())
		}
	}
	if ctx := handle(t, p, rawtest.Get("/wxproxy/authorize-url?redirect_uri=x")); ctx.Response.StatusCode() != 404 {
		t.Errorf("got %s; want 404", ctx.Response.Body())
	}
}

func TestTwoPlatformsAreToldApart(t *testing.T) {
	for raw, want := range map[string]string{
		rawtest.Get("/@" + shared + "/cgi-bin/user/get"):                          "unknown_account",
		rawtest.Get("/@saas:" + shared + "/cgi-bin/user/get"):                     "",
		rawtest.Get("/@other:" + shared + "/cgi-bin/user/get"):                    "",
		rawtest.Get("/@other:" + merchant + "/cgi-bin/user/get"):                  "unknown_account",
		rawtest.Get("/wxa/gettemplatelist"):                                       "unknown_account",
		rawtest.Get("/@" + merchant + "/wxa/gettemplatelist"):                     "",
		rawtest.Get("/@other/wxa/gettemplatelist"):                                "",
		rawtest.Get("/wxproxy/authorize-url?redirect_uri=x"):                      "unknown_account",
		rawtest.Get("/wxproxy/authorize-url?redirect_uri=x&platform=other"):       "",
		rawtest.Get("/@saas/wxproxy/authorize-url?redirect_uri=x&platform=other"): "bad_request",
	} {
		r := &recorder{answers: []string{rawtest.OKBody}}
		if ctx := handle(t, twoPlatforms(r), raw); slugOf(ctx) != want {
			t.Errorf("%.90q: got %s; want %q", raw, ctx.Response.Body(), want)
		}
	}
}

func TestEachKindOfTokenHasItsRejections(t *testing.T) {
	for _, row := range []struct {
		raw     string
		errcode int
		again   string // what the second request gets; empty: there is none
	}{
		{rawtest.Get("/wxa/gettemplatelist"), 42006, "access_token=saas-token-2"},
		{rawtest.Get("/sns/component/jscode2session?appid=wx9"), 40094, "component_access_token=saas-token-2"},
		{rawtest.Get("/sns/jscode2session?appid=" + merchant), 40001, "component_access_token=saas-token-2"},
		{rawtest.Get("/@" + merchant + "/cgi-bin/user/get"), 42001, "access_token=of-" + merchant + "-2"},
		{rawtest.Get("/@" + merchant + "/cgi-bin/user/get"), 42006, ""},
		{rawtest.Get("/wxa/gettemplatelist"), 61007, ""},
	} {
		r := &recorder{answers: []string{fmt.Sprintf(`{"errcode":%d,"errmsg":"x"}`, row.errcode), rawtest.OKBody}}
		handle(t, New(platformConfig(r)), row.raw)
		switch {
		case row.again == "" && len(r.got) != 1, row.again != "" && len(r.got) != 2:
			t.Errorf("%d: got %v", row.errcode, r.got)
		case row.again != "" && !strings.HasSuffix(r.got[1].target, row.again):
			t.Errorf("%d: got %s; want it with %s", row.errcode, r.got[1].target, row.again)
		}
	}
}

func TestAPlatformsSecretIsAMemberOfTheBody(t *testing.T) {
	const path = "/cgi-bin/component/api_start_push_ticket"
	for raw, want := range map[string]string{
		post(path, `{"component_appid":"wxcomponent","component_secret":"key","x":[1, 2]}`): `{"component_appid":"wxcomponent","component_secret":"saas-secret","x":[1, 2]}`,
		post(path, ""):         `{"component_secret":"saas-secret","component_appid":"wxcomponent"}`,
		post(path, `{ "x":1}`): `{"component_secret":"saas-secret","component_appid":"wxcomponent","x":1}`,
		post("/cgi-bin/component/clear_quota/v2?access_token=x", `{"appid":"`+merchant+`","appsecret":"key"}`): `{"component_appid":"wxcomponent","appid":"` + merchant + `","appsecret":"saas-secret"}`,
	} {
		r := &recorder{answers: []string{`{"errcode":0,"errmsg":"ok saas-secret"}`}}
		ctx := handle(t, New(platformConfig(r)), raw)
		if len(r.got) != 1 || r.got[0].body != want || strings.Contains(r.got[0].target, "?") {
			t.Errorf("%.90q: got %s and %v sent; want %s", raw, ctx.Response.Body(), r.got, want)
		}
		if strings.Contains(string(ctx.Response.Body()), "saas-secret") {
			t.Errorf("got %s; want no secret in it", ctx.Response.Body())
		}
	}
	r := &recorder{answers: []string{rawtest.OKBody}}
	p := New(platformConfig(r, keyed("orders", "orders-key-orders-key")))
	if ctx := handle(t, p, post(path, `{"component_appid":"wxcomponent","component_secret":"orders-key-orders-key"}`)); ctx.Response.StatusCode() != 200 || strings.Contains(r.got[0].body, "orders-key") {
		t.Errorf("got %s and %v; want the key to prove the client", ctx.Response.Body(), r.got)
	}
}

func TestRefreshTokensNeverReachPrograms(t *testing.T) {
	answer := `{"total_count":1,"list":[{"authorizer_appid":"wx1","refresh_token":"refreshtoken@@@real"}],"x":"` + strings.Repeat("x", 100<<10) + `"}`
	for _, path := range []string{"/cgi-bin/component/api_get_authorizer_list", "/cgi-bin/component/api_get_authorizer_info"} {
		ctx := handle(t, New(platformConfig(&recorder{answers: []string{answer}})), post(path, `{"authorizer_appid":"wx1"}`))
		if got := string(ctx.Response.Body()); got != strings.Replace(answer, "refreshtoken@@@real", "refreshtoken@@@wxproxy", 1) {
			t.Errorf("%s: got %.200s", path, got)
		}
	}
}

// platformAnswer returns a JSON answer of the proxy's.
func platformAnswer(t *testing.T, p *Proxy, raw string) (answer struct {
	Errcode   int
	Component string `json:"component_access_token"`
	Token     string `json:"authorizer_access_token"`
	Refresh   string `json:"authorizer_refresh_token"`
	ExpiresIn int    `json:"expires_in"`
	URL       string
	Info      struct {
		AppID    string `json:"authorizer_appid"`
		Token    string `json:"authorizer_access_token"`
		Refresh  string `json:"authorizer_refresh_token"`
		FuncInfo []any  `json:"func_info"`
	} `json:"authorization_info"`
}) {
	t.Helper()
	ctx := handle(t, p, raw)
	if err := json.Unmarshal(ctx.Response.Body(), &answer); err != nil {
		t.Fatalf("%s: %v", ctx.Response.Body(), err)
	}
	return answer
}

func TestSDKsManageVirtualTokensOfAPlatform(t *testing.T) {
	const path, key = "/cgi-bin/component/", "orders-key-orders-key"
	client := keyed("orders", key)
	client.Accounts = []string{"saas/*"}
	r := &recorder{answers: []string{rawtest.OKBody}}
	p := New(platformConfig(r, client))
	for body, want := range map[string]int{
		`{"component_appid":"wxcomponent","component_appsecret":"wrong","component_verify_ticket":"ticket@@@x"}`: 40125,
		`{"component_appid":"wxcomponent","component_verify_ticket":"ticket@@@x"}`:                               41004,
		`{"component_appid":"wxshop","component_appsecret":"` + key + `"}`:                                       40013,
		`{"component_appsecret":"` + key + `"}`:                                                                  41018,
		`{"component_appid":`:                                                                                    47001,
	} {
		if got := platformAnswer(t, p, post(path+"api_component_token", body)); got.Errcode != want {
			t.Errorf("%s: got %+v; want %d", body, got, want)
		}
	}
	if got := platformAnswer(t, p, rawtest.Get(path+"api_component_token?component_appid=wxcomponent")); got.Errcode != 43002 {
		t.Errorf("got %+v; want POST alone", got)
	}
	token := platformAnswer(t, p, post(path+"api_component_token", `{"component_appid":"wxcomponent","component_appsecret":"`+key+`","component_verify_ticket":"any","secret":"x"}`))
	if !strings.HasPrefix(token.Component, "wxp_") || token.ExpiresIn != 7200 {
		t.Fatalf("got %+v; want a virtual token", token)
	}
	for _, name := range []string{"component_access_token", "access_token"} {
		query := "?" + name + "=" + token.Component
		got := platformAnswer(t, p, post(path+"api_authorizer_token"+query, `{"component_appid":"wxcomponent","authorizer_appid":"`+merchant+`","authorizer_refresh_token":"refreshtoken@@@wxproxy"}`))
		if !strings.HasPrefix(got.Token, "wxp_") || len(got.Token) > 256 || got.Refresh != "refreshtoken@@@wxproxy" || got.ExpiresIn != 7200 {
			t.Fatalf("got %+v; want a virtual token", got)
		}
		for range 2 {
			redeemed := platformAnswer(t, p, post(path+"api_query_auth"+query, `{"authorization_code":"queryauthcode@@@good"}`)).Info
			if redeemed.AppID != merchant || !strings.HasPrefix(redeemed.Token, "wxp_") || redeemed.Refresh != "refreshtoken@@@wxproxy" || len(redeemed.FuncInfo) != 1 {
				t.Errorf("got %+v; want what the code yielded", redeemed)
			}
		}
		for _, ofMerchant := range []string{"access_token", "component_access_token"} {
			r.got = nil
			if handle(t, p, rawtest.Get("/cgi-bin/user/get?"+ofMerchant+"="+got.Token)); len(r.got) != 1 || r.got[0].target != "/cgi-bin/user/get?access_token=of-"+merchant {
				t.Errorf("got %v; want the merchant's token", r.got)
			}
		}
		if refused := platformAnswer(t, p, rawtest.Get("/wxa/gettemplatelist?access_token="+got.Token)); refused.Errcode != 61014 {
			t.Errorf("got %+v; want 61014", refused)
		}
		r.got = nil
		if handle(t, p, rawtest.Get("/wxa/gettemplatelist"+query)); len(r.got) != 1 || !strings.HasSuffix(r.got[0].target, "access_token=saas-token") {
			t.Errorf("got %v; want the platform's token", r.got)
		}
		if ctx := handle(t, p, rawtest.Get("/cgi-bin/user/get"+query)); slugOf(ctx) != "no_credential" {
			t.Errorf("got %s; want the platform's token to open no account's API", ctx.Response.Body())
		}
		for appID, want := range map[string]int{lapsed: 61003, "wx9": 61003} {
			if got := platformAnswer(t, p, post(path+"api_authorizer_token"+query, `{"authorizer_appid":"`+appID+`"}`)); got.Errcode != want {
				t.Errorf("%s: got %+v; want %d", appID, got, want)
			}
		}
		if got := platformAnswer(t, p, post(path+"api_query_auth"+query, `{"authorization_code":"used"}`)); got.Errcode != 61010 {
			t.Errorf("got %+v; want WeChat's 61010", got)
		}
	}
	forged := platformAnswer(t, p, post(path+"api_query_auth?component_access_token=wxp_x", `{"authorization_code":"queryauthcode@@@good"}`))
	if forged.Errcode != 40001 {
		t.Errorf("got %+v; want 40001", forged)
	}
	if got := platformAnswer(t, p, rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxcomponent&secret="+key)); got.Errcode != 61024 {
		t.Errorf("got %+v; want 61024", got)
	}
	direct := ask(t, p, rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid="+merchant+"&secret="+key))
	r.got = nil
	if handle(t, p, rawtest.Get("/cgi-bin/user/get?access_token="+direct.AccessToken)); len(r.got) != 1 || r.got[0].target != "/cgi-bin/user/get?access_token=of-"+merchant {
		t.Errorf("got %+v and %v; want the merchant's token", direct, r.got)
	}
}

func TestClientsUseWhatTheyMayOfAPlatform(t *testing.T) {
	const component = "/cgi-bin/component/"
	id := func(appID string) string { return `{"authorizer_appid":"` + appID + `"}` }
	for _, row := range []struct {
		accounts []string
		raw      func(header string) string
		want     string
	}{
		{[]string{"saas/*"}, get("/@" + merchant + "/p"), ""},
		{[]string{"saas/*"}, get("/@shop/p"), "forbidden_account"},
		{[]string{"saas/*"}, get("/wxa/gettemplatelist"), ""},
		{[]string{"saas/*"}, get("/wxa/deletetemplate"), "forbidden_path"},
		{[]string{"saas/*"}, get(component + "fastregisterweapp?action=create"), "forbidden_path"},
		{[]string{"saas"}, get("/@" + merchant + "/p"), "forbidden_account"},
		{[]string{"saas"}, get("/wxa/gettemplatelist"), ""},
		{[]string{"saas"}, get("/sns/component/jscode2session?appid=" + merchant), ""},
		{[]string{"saas"}, posts(component+"api_authorizer_token", id(merchant)), "forbidden_account"},
		{[]string{"saas"}, posts(component+"api_query_auth", `{"authorization_code":"queryauthcode@@@good"}`), "forbidden_account"},
		{[]string{merchant}, get("/p"), ""},
		{[]string{merchant}, get("/@" + merchant + "/p"), ""},
		{[]string{merchant}, get("/@" + shared + "/p"), "forbidden_account"},
		{[]string{merchant}, get("/wxa/gettemplatelist"), "forbidden_account"},
		{[]string{merchant}, get("/sns/component/jscode2session?appid=" + merchant), ""},
		{[]string{merchant}, get("/sns/component/jscode2session?appid=" + shared), "forbidden_account"},
		{[]string{merchant}, get("/sns/component/jscode2session"), "forbidden_account"},
		{[]string{merchant}, get("/sns/jscode2session?appid=" + merchant), ""},
		{[]string{merchant}, get("/sns/jscode2session?appid=" + shared), "forbidden_account"},
		{[]string{merchant}, posts(component+"api_authorizer_token", id(merchant)), ""},
		{[]string{merchant}, posts(component+"api_authorizer_token", id(shared)), "forbidden_account"},
		{[]string{merchant}, posts(component+"api_get_authorizer_info", id(merchant)), ""},
		{[]string{merchant}, posts(component+"api_get_authorizer_info", id(shared)), "forbidden_account"},
		{[]string{merchant}, posts(component+"api_get_authorizer_list", "{}"), "forbidden_account"},
		{[]string{merchant}, get("/wxproxy/authorize-url?redirect_uri=x"), "forbidden_account"},
		{[]string{merchant}, posts(component+"api_query_auth", `{"authorization_code":"queryauthcode@@@good"}`), ""},
		{[]string{shared}, posts(component+"api_query_auth", `{"authorization_code":"queryauthcode@@@good"}`), "forbidden_account"},
		{[]string{"saas:" + merchant}, get("/p"), ""},
		{[]string{"saas:" + merchant}, get("/@" + shared + "/p"), "forbidden_account"},
		{[]string{"shop"}, get("/wxa/gettemplatelist"), "forbidden_account"},
		{[]string{"shop"}, posts(component+"api_authorizer_token", id(merchant)), "forbidden_account"},
		{[]string{"shop", "saas/*"}, get("/p"), ""},
		{nil, get("/@" + merchant + "/p"), ""},
		{nil, get("/wxa/gettemplatelist"), ""},
		{nil, get("/wxa/deletetemplate"), "forbidden_path"},
	} {
		client := keyed("orders", "orders-key-orders-key")
		client.Accounts = row.accounts
		raw := row.raw("Authorization: Bearer orders-key-orders-key")
		if ctx := handle(t, New(platformConfig(&recorder{answers: []string{rawtest.OKBody}}, client)), raw); slugOf(ctx) != row.want {
			t.Errorf("%v, %.80q: got %s; want %q", row.accounts, raw, ctx.Response.Body(), row.want)
		}
	}
	admin := keyed("admin", "admin-key-admin-key")
	admin.PlatformAdmin = true
	if ctx := handle(t, New(platformConfig(&recorder{answers: []string{rawtest.OKBody}}, admin)), rawtest.Get("/wxa/deletetemplate", "Authorization: Bearer admin-key-admin-key")); ctx.Response.StatusCode() != fasthttp.StatusOK {
		t.Errorf("got %s; want an administrator to pass", ctx.Response.Body())
	}
}

func get(target string) func(string) string {
	return func(header string) string { return rawtest.Get(target, header) }
}

func posts(target, body string) func(string) string {
	return func(header string) string {
		return strings.Replace(post(target, body), "\r\nHost", "\r\n"+header+"\r\nHost", 1)
	}
}

func TestTheAddressOfAnAuthorizationIsTold(t *testing.T) {
	raw := rawtest.Get("/wxproxy/authorize-url?redirect_uri=https%3A%2F%2Fsaas.example%2Fback&device=mobile")
	got := platformAnswer(t, New(platformConfig(nil)), raw)
	want := "https://open.weixin.qq.com/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1&component_appid=wxcomponent&pre_auth_code=preauthcode%40%40%401&redirect_uri=https%3A%2F%2Fsaas.example%2Fback&auth_type=3#wechat_redirect"
	if got.URL != want || got.ExpiresIn != 1800 {
		t.Errorf("got %+v; want %s", got, want)
	}
	if ctx := handle(t, New(platformConfig(nil)), raw); !strings.Contains(string(ctx.Response.Body()), `"`+want+`"`) {
		t.Errorf("got %s; want the address as people copy it", ctx.Response.Body())
	}
}

func TestAPlatformWithoutATicketSaysSo(t *testing.T) {
	c := platformConfig(nil)
	c.Platforms[0].Account.Tokens = &fixedTokens{err: fmt.Errorf("no component token: %w", lack{unfed: true})}
	ctx := handle(t, New(c), rawtest.Get("/wxa/gettemplatelist"))
	if slugOf(ctx) != "no_ticket" || ctx.Response.StatusCode() != 503 || !strings.Contains(string(ctx.Response.Body()), "-50304") {
		t.Errorf("got %d %s; want 503 no_ticket", ctx.Response.StatusCode(), ctx.Response.Body())
	}
	if ctx = handle(t, New(c), rawtest.Get("/@"+lapsed+"/p")); slugOf(ctx) != "not_authorized" || !strings.Contains(string(ctx.Response.Body()), "-50303") || !strings.Contains(string(ctx.Response.Body()), "authorize again") {
		t.Errorf("got %s; want 503 not_authorized, in words", ctx.Response.Body())
	}
}

func TestAnswersNameTheAccountAndCountsThePlatform(t *testing.T) {
	for raw, want := range map[string][2]string{
		rawtest.Get("/@" + merchant + "/p"):                   {merchant, "saas/*"},
		rawtest.Get("/sns/jscode2session?appid=" + merchant):  {merchant, "saas/*"},
		rawtest.Get("/@" + merchant + "/wxa/gettemplatelist"): {"saas", "saas"},
	} {
		c := platformConfig(&recorder{answers: []string{rawtest.OKBody}})
		ctx := handle(t, New(c), raw)
		if got := string(ctx.Response.Header.Peek("Wxproxy-Account")); got != want[0] {
			t.Errorf("%.60q: got the account %q; want %q", raw, got, want[0])
		}
		requests := c.Counts.Snapshot().Requests
		if len(requests) != 1 || requests[0].Account != want[1] {
			t.Errorf("%.60q: got %+v; want it counted for %s", raw, requests, want[1])
		}
	}
}

// An account that is in a store which cannot be read yet is not unknown: its callers ask again,
// and no SDK is told that the merchant has left.
func TestAnAccountThatNobodyCanTellOfIsNotUnknown(t *testing.T) {
	for raw, want := range map[string]string{
		rawtest.Get("/@wx9999999999999999/p"):                                                        "token_unavailable",
		rawtest.Get("/@saas:wx9999999999999999/p"):                                                   "token_unavailable",
		rawtest.Get("/p", "Wxproxy-Account: wx9999999999999999"):                                     "token_unavailable",
		rawtest.Get("/sns/jscode2session?appid=wx9999999999999999&js_code=1"):                        "token_unavailable",
		post("/cgi-bin/component/api_authorizer_token", `{"authorizer_appid":"wx9999999999999999"}`): "token_unavailable",
		rawtest.Get("/@other:wx9999999999999999/p"):                                                  "unknown_account",
		rawtest.Get("/@" + merchant + "/p"):                                                          "",
		rawtest.Get("/p"):                                                                            "",
		rawtest.Get("/@saas/wxa/gettemplatelist"):                                                    "",
	} {
		c := platformConfig(&recorder{answers: []string{rawtest.OKBody}})
		c.Platforms[0].Unreadable = func(string) error { return late{errors.New("the store is away")} }
		if ctx := handle(t, New(c), raw); slugOf(ctx) != want || want == "token_unavailable" && (ctx.Response.StatusCode() != 503 || len(ctx.Response.Header.Peek("Retry-After")) == 0) {
			t.Errorf("%.70q: got %d %s; want %q", raw, ctx.Response.StatusCode(), ctx.Response.Body(), want)
		}
	}
}

// A late is an error that passes.
type late struct{ error }

func (late) RetryAfter() time.Duration { return time.Second }

// With a hundred thousand accounts a request costs what it costs with one, and nobody is
// known beforehand.
func TestAVirtualTokenOfAPlatformsAccountIsGoodAtEveryReplica(t *testing.T) {
	one, other := New(platformConfig(&recorder{answers: []string{rawtest.OKBody}})), &recorder{answers: []string{rawtest.OKBody}}
	token := platformAnswer(t, one, post("/cgi-bin/component/api_authorizer_token", `{"authorizer_appid":"`+merchant+`"}`)).Token
	handle(t, New(platformConfig(other)), rawtest.Get("/p?access_token="+token))
	if len(other.got) != 1 || other.got[0].target != "/p?access_token=of-"+merchant {
		t.Errorf("got %v; want the merchant's token", other.got)
	}
	gone := platformConfig(other)
	gone.Platforms[0].Authorizer = func(string) (Account, bool) { return Account{}, false }
	if got := platformAnswer(t, New(gone), rawtest.Get("/p?access_token="+token)); got.Errcode != 40001 {
		t.Errorf("got %+v; want 40001 where nobody knows the account", got)
	}
	stray := virtual.NewOfPlatform("wxshop", [2]virtual.ID{virtual.IDOf("wxshop")}, time.Now().Add(time.Hour), new(virtual.NewKey("", []byte("wxshop"))))
	if got := platformAnswer(t, one, rawtest.Get("/p?access_token="+stray)); got.Errcode != 40001 {
		t.Errorf("got %+v; want 40001 of a platform that is none", got)
	}
}

// The table of platforms' paths is one of WeChat's, so that a configured route wins.
func TestARouteMayNameThePlatform(t *testing.T) {
	r := &recorder{answers: []string{rawtest.OKBody}}
	c := platformConfig(r)
	c.Accounts[0].Kind.Routes = []accountkind.Route{
		{Pattern: "/wxa/something/*", Credential: accountkind.CredentialPlatform},
		{Pattern: "/cgi-bin/component/get_authorizer_option", Credential: accountkind.CredentialPlatform},
	}
	p := New(c)
	for i, path := range []string{"/wxa/something/new", "/cgi-bin/component/get_authorizer_option"} {
		if handle(t, p, rawtest.Get(path)); len(r.got) != i+1 || r.got[i].target != path+"?access_token=saas-token" {
			t.Errorf("got %v; want the platform's token", r.got)
		}
	}
}

func BenchmarkAPlatformsAccounts(b *testing.B) {
	for _, accounts := range []int{1, 100_000} {
		b.Run(fmt.Sprint(accounts), func(b *testing.B) {
			c := platformConfig(&recorder{answers: []string{rawtest.OKBody}})
			c.Accounts[0].Kind.Upstream = &quietUpstream{}
			c.Platforms[0].Authorizer = func(appID string) (Account, bool) {
				return Account{Tokens: &fixedTokens{token: "token-of-" + appID}}, true
			}
			p := New(c)
			for i := range accounts {
				handle(b, p, rawtest.Get(fmt.Sprintf("/@wx%016x/p", i)))
			}
			ctx := bareCtx(b, rawtest.Get(fmt.Sprintf("/@wx%016x/p", accounts-1)))
			b.ReportAllocs()
			for b.Loop() {
				p.Handle(ctx)
			}
		})
	}
}

// A quietUpstream answers and remembers nothing.
type quietUpstream struct{}

func (*quietUpstream) Send(_ *upstream.Message, resp *fasthttp.Response) error {
	resp.SetBodyString(rawtest.OKBody)
	return nil
}

// SDKs say in the body for which of two platforms they call: that is a name, too.
func TestABodyNamesOneOfTwoPlatforms(t *testing.T) {
	const path, key = "/cgi-bin/component/", "Authorization: Bearer orders-key"
	for _, row := range []struct {
		raw  string
		want string // in the answer, or in the target that WeChat gets
	}{
		{post(path+"api_component_token", `{"component_appid":"wxothercomponent","component_appsecret":"orders-key"}`), `"component_access_token":"wxp_`},
		{post(path+"api_authorizer_token", `{"component_appid":"wxothercomponent","authorizer_appid":"`+shared+`"}`), `"authorizer_access_token":"wxp_`},
		{post(path+"api_authorizer_token", `{"component_appid":"wxothercomponent","authorizer_appid":"`+merchant+`"}`), `"errcode":61003`},
		{post(path+"api_query_auth", `{"component_appid":"wxcomponent","authorization_code":"queryauthcode@@@good"}`), `"authorizer_access_token":"wxp_`},
		{post(path+"api_get_authorizer_list", `{"component_appid":"wxothercomponent","offset":0,"count":1}`), "=other-token"},
		{post(path+"api_get_authorizer_info", `{"component_appid":"wxcomponent","authorizer_appid":"`+merchant+`"}`), "=saas-token"},
		{post(path+"api_create_preauthcode", `{"component_appid":"wxothercomponent"}`), "=other-token"},
		{post(path+"api_query_auth", `{"component_appid":"wxelse","authorization_code":"x"}`), `"errcode":40013`},
		{post(path+"api_query_auth", `{"authorization_code":"x"}`), `unknown_account`},
		{post(path+"api_get_authorizer_list", `{"offset":0}`), `unknown_account`},
		{post(path+"api_get_authorizer_list", ""), `unknown_account`},
		{rawtest.Get(path + "api_get_authorizer_list"), `unknown_account`},
		{post("/@saas"+path+"api_query_auth", `{"component_appid":"wxothercomponent","authorization_code":"x"}`), `"errcode":40013`},
	} {
		r := &recorder{answers: []string{rawtest.OKBody}}
		p := twoPlatforms(r, keyed("orders", "orders-key"))
		raw := strings.Replace(row.raw, "Host: proxy\r\n", "Host: proxy\r\n"+key+"\r\n", 1)
		got := string(handle(t, p, raw).Response.Body())
		for _, one := range r.got {
			got += one.target
		}
		if !strings.Contains(got, row.want) {
			t.Errorf("%.120q: got %s; want %s", row.raw, got, row.want)
		}
	}
}

// A platform's token with the appid of another one is a mistake.
func TestAForeignPlatformsAppIDIsRefused(t *testing.T) {
	for _, api := range []string{"api_get_authorizer_list", "api_get_authorizer_info", "api_create_preauthcode", "api_query_auth", "api_authorizer_token"} {
		for body, isPassedOn := range map[string]bool{
			`{"component_appid":"wxforeign","authorizer_appid":"` + merchant + `"}`:   false,
			`{"component_appid":"wxcomponent","authorizer_appid":"` + merchant + `"}`: true, `{"authorizer_appid":"` + merchant + `"}`: true, `not JSON`: true,
		} {
			r := &recorder{answers: []string{rawtest.OKBody}}
			got := string(handle(t, New(platformConfig(r)), post("/cgi-bin/component/"+api, body)).Response.Body())
			isForeign := strings.Contains(got, `"errcode":40013`) && strings.Contains(got, "another platform")
			if isForeign == isPassedOn {
				t.Errorf("%s, %s: got %s", api, body, got)
			}
			if isEmulated := api == "api_query_auth" || api == "api_authorizer_token"; (len(r.got) == 1) != (isPassedOn && !isEmulated) {
				t.Errorf("%s, %s: WeChat got %v", api, body, r.got)
			}
		}
	}
}

// What has ended its authorization is not served by any way, nor gets a token to call with.
func TestAnAccountThatHasEndedItsAuthorizationIsNotServed(t *testing.T) {
	for _, raw := range []string{
		rawtest.Get("/@" + lapsed + "/cgi-bin/user/get"),
		rawtest.Get("/sns/jscode2session?appid=" + lapsed + "&secret=x&js_code=1"),
		rawtest.Get("/@" + lapsed + "/sns/jscode2session?js_code=1"),
		rawtest.Get("/sns/oauth2/refresh_token?refresh_token=r&appid=" + lapsed),
		rawtest.Get("/@" + lapsed + "/sns/component/jscode2session?js_code=1"),
		rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=" + lapsed + "&secret=x"),
		post("/cgi-bin/stable_token", `{"grant_type":"client_credential","appid":"`+lapsed+`","secret":"x"}`),
	} {
		r := &recorder{answers: []string{rawtest.OKBody}}
		if ctx := handle(t, New(platformConfig(r)), raw); slugOf(ctx) != "not_authorized" || ctx.Response.StatusCode() != 503 || len(r.got) > 0 {
			t.Errorf("%.90q: got %s and %v sent; want not_authorized", raw, ctx.Response.Body(), r.got)
		}
	}
}

// A client that may call a few paths may ask for tokens, without which it could call none, but
// spend no code.
func TestACodeIsRedeemedForClientsThatMayCallThePath(t *testing.T) {
	const path = "/cgi-bin/component/"
	for _, allow := range [][]string{nil, {"/cgi-bin/user/*"}, {"/cgi-bin/user/*", path + "api_query_auth"}} {
		r := &recorder{answers: []string{rawtest.OKBody}}
		p := New(platformConfig(r, Client{Name: "orders", KeySHA256: keyed("orders", "orders-key").KeySHA256, Allow: allow}))
		raw := func(api, body string) string {
			return strings.Replace(post(path+api, body), "Host: proxy\r\n", "Host: proxy\r\nAuthorization: Bearer orders-key\r\n", 1)
		}
		ctx := handle(t, p, raw("api_query_auth", `{"authorization_code":"queryauthcode@@@good"}`))
		if isRefused := slugOf(ctx) == "forbidden_path"; isRefused != (len(allow) == 1) {
			t.Errorf("allow %v: got %s", allow, ctx.Response.Body())
		}
		if ctx := handle(t, p, raw("api_authorizer_token", `{"authorizer_appid":"`+merchant+`"}`)); !strings.Contains(string(ctx.Response.Body()), "wxp_") {
			t.Errorf("allow %v: got %s; want a token", allow, ctx.Response.Body())
		}
	}
}
