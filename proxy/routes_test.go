package proxy

import (
	"testing"
	"time"
)

func TestEveryPathHasItsCredential(t *testing.T) {
	rows := []struct {
		path  string
		want  Credential
		names secretNames
	}{
		{"/cgi-bin/token", credentialToken, secretNames{}},
		{"/cgi-bin/stable_token", credentialToken, secretNames{}},
		{"/wxproxy/jsapi-signature", credentialLocal, secretNames{}},
		{"/wxproxy/healthz", credentialHealth, secretNames{}},
		{"/wxproxy/ReadyZ/", credentialHealth, secretNames{}},
		{"/wxproxy/readyz/x", credentialLocal, secretNames{}},
		{"/cgi-bin/component/", CredentialDeny, secretNames{}},
		{"/sns/jscode2session/", CredentialSecret, secretNames{"appid", "secret"}},
		{"/CGI-BIN/Token", credentialToken, secretNames{}},
		{"/cgi-bin/%74oken", credentialToken, secretNames{}},
		{"/cgi-bin/token/", credentialToken, secretNames{}},
		{"/wxproxy", credentialLocal, secretNames{}},
		{"/wxproxy/", credentialLocal, secretNames{}},
		{"/%63%67%69-bin/STABLE%5Ftoken", credentialToken, secretNames{}},

		{"/cgi-bin/clear_quota/v2", CredentialSecret, secretNames{"appid", "appsecret"}},
		{"/sns/jscode2session", CredentialSecret, secretNames{"appid", "secret"}},
		{"/sns/oauth2/access_token", CredentialSecret, secretNames{"appid", "secret"}},
		{"/sns/oauth2/refresh_token", CredentialSecret, secretNames{"appid", ""}},

		{"/sns/userinfo", CredentialUser, secretNames{}},
		{"/sns/auth", CredentialUser, secretNames{}},

		{"/cgi-bin/gettoken", CredentialDeny, secretNames{}},
		{"/cgi-bin/GetToken/", CredentialDeny, secretNames{}},
		{"/cgi-bin/service/get_suite_token", CredentialDeny, secretNames{}},
		{"/cgi-bin/service/get_provider_token", CredentialDeny, secretNames{}},
		{"/cgi-bin/service/v2/get_permanent_code", CredentialDeny, secretNames{}},
		{"/cgi-bin/license/create_new_order", CredentialDeny, secretNames{}},
		{"/cgi-bin/openhw/get_model_token", CredentialDeny, secretNames{}},
		{"/cgi-bin/corpgroup/corp/gettoken", CredentialDeny, secretNames{}},
		{"/cgi-bin/webhook/send", CredentialDeny, secretNames{}},
		{"/cgi-bin/idconvert/upgrade_chatid_for_new_corp", CredentialDeny, secretNames{}},
		{"/cgi-bin/get_jsapi_ticket", CredentialDeny, secretNames{}},
		{"/cgi-bin/ticket/get", CredentialDeny, secretNames{}},
		{"/cgi-bin/miniprogram/jscode2session", CredentialDeny, secretNames{}},
		{"/tcb/usecloudaccesstoken", CredentialDeny, secretNames{}},
		{"/tcb/invokecloudfunction", CredentialApp, secretNames{}},
		{"/cgi-bin/gettokens", CredentialApp, secretNames{}},

		{"/cgi-bin/component/api_component_token", CredentialDeny, secretNames{}},
		{"/cgi-bin/component/api_start_push_ticket", CredentialDeny, secretNames{}},
		{"/cgi-bin/component/clear_quota/v2", CredentialDeny, secretNames{}},
		{"/componenttcb/batchcreateenv", CredentialDeny, secretNames{}},
		{"/wxa/component/getprivacysetting", CredentialDeny, secretNames{}},
		{"/wxa/gettemplatedraftlist", CredentialDeny, secretNames{}},
		{"/wxa/gettemplatelist", CredentialDeny, secretNames{}},
		{"/wxa/addtotemplate", CredentialDeny, secretNames{}},
		{"/wxa/deletetemplate", CredentialDeny, secretNames{}},
		{"/wxa/servicemarket/service/x", CredentialDeny, secretNames{}},
		{"/wxa/servicemarket/get_paid_order_list", CredentialDeny, secretNames{}},
		{"/wxa/security/applysetorderpathinfo", CredentialDeny, secretNames{}},
		{"/sns/component/jscode2session", CredentialDeny, secretNames{}},
		{"/sns/oauth2/component/access_token", CredentialDeny, secretNames{}},
		{"/sns/oauth2/component/refresh_token", CredentialDeny, secretNames{}},
		{"/SNS/Component/x", CredentialDeny, secretNames{}},

		{"/cgi-bin/ticket/getticket", credentialTicket, secretNames{}},
		{"/cgi-bin/clear_quota", CredentialApp, secretNames{}},
		{"/cgi-bin/openapi/rid/get", CredentialApp, secretNames{}},
		{"/cgi-bin/get_api_domain_ip", CredentialApp, secretNames{}},
		{"/xpay/query_order", CredentialApp, secretNames{}},
		{"/wxa/game/getbalance", CredentialApp, secretNames{}},
		{"/wxa/checksession", CredentialApp, secretNames{}},
		{"/donut/code2verifyinfo", CredentialApp, secretNames{}},
		{"/datacube/getusersummary", CredentialApp, secretNames{}},
		{"/cgi-bin/tokens", CredentialApp, secretNames{}},
		{"/cgi-bin/componentx", CredentialApp, secretNames{}},
		{"/", CredentialApp, secretNames{}},
	}
	p := New(config(nil))
	for _, row := range rows {
		t.Run(row.path, func(t *testing.T) {
			got := routeOf(t, p, row.path)
			if got.Credential != row.want || got.names != row.names {
				t.Errorf("got %q, %v; want %q, %v", got.Credential, got.names, row.want, row.names)
			}
		})
	}
}

func routeOf(t *testing.T, p *Proxy, path string) Route {
	t.Helper()
	var parsed target
	if err := parsed.parse([]byte(path), nil, tokenParameters); err != nil {
		t.Fatal(err)
	}
	return p.credentialOf(parsed.policy)
}

func TestConfiguredRoutesBeatTheBuiltInOnesAndLocalOnesBeatAll(t *testing.T) {
	c := config(nil)
	c.Routes = []Route{
		{Pattern: "/sns/userinfo", Credential: CredentialApp},
		{Pattern: "/wxa/*", Credential: CredentialNone},
		{Pattern: "/wxa/game/*", Credential: CredentialDeny},
		{Pattern: "/wxa/game/getbalance", Credential: CredentialUser},
		{Pattern: "/Wxa/Business/*", Credential: CredentialSecret},
		{Pattern: "/cgi-bin/*", Credential: CredentialNone},
		{Pattern: "/cgi-bin/token", Credential: CredentialNone},
		{Pattern: "/datacube/y/", Credential: CredentialNone},
		{Pattern: "/", Credential: CredentialDeny},
		{Pattern: "/cgi-bin/gettoken", Credential: CredentialApp},
		{Pattern: "/cgi-bin/clear_quota/*", Credential: CredentialSecret},
	}
	p := New(c)
	rows := []struct {
		name, path string
		want       Credential
	}{
		{"configured beats built-in", "/sns/userinfo", CredentialApp},
		{"a configured prefix beats a built-in path", "/wxa/gettemplatelist", CredentialNone},
		{"the longest prefix", "/wxa/game/x", CredentialDeny},
		{"a path beats a prefix", "/wxa/game/getbalance", CredentialUser},
		{"a prefix in other letters", "/wxa/business/x", CredentialSecret},
		{"local beats a configured path", "/cgi-bin/token", credentialToken},
		{"local beats a configured prefix", "/cgi-bin/stable_token", credentialToken},
		{"a slash at a pattern's end says nothing", "/datacube/y", CredentialNone},
		{"a slash at both ends", "/datacube/y/", CredentialNone},
		{"the root", "/", CredentialDeny},
		{"a configured path beats one that is denied", "/cgi-bin/gettoken", CredentialApp},
		{"other paths stay as they are", "/datacube/x", CredentialApp},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got := routeOf(t, p, row.path).Credential; got != row.want {
				t.Errorf("got %q; want %q", got, row.want)
			}
		})
	}
	if got, want := routeOf(t, p, "/wxa/business/x").names, (secretNames{"appid", "secret"}); got != want {
		t.Errorf("a configured path of class secret: got %v; want %v", got, want)
	}
}

// A rule that is accepted is obeyed: all that can be said of what the proxy answers
// itself is that nobody may.
func TestARouteClosesWhatTheProxyAnswersItself(t *testing.T) {
	const askToken = "/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=orders-key"
	for _, row := range []struct {
		pattern string
		path    string
		closed  bool
	}{
		{"/wxproxy/jsapi-signature", "/wxproxy/jsapi-signature?url=https%3A%2F%2Fshop.example%2F", true},
		{"/wxproxy/jsapi-*", "/wxproxy/JSAPI-signature?url=https%3A%2F%2Fshop.example%2F", true},
		{"/wxproxy/*", "/wxproxy/readyz", true},
		{"/wxproxy/healthz/", "/wxproxy/healthz", true},
		{"/wxproxy/healthz", "/wxproxy/readyz", false},
		{"/cgi-bin/Token", "/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=orders-key", true},
		{"/cgi-bin/token", "/cgi-bin/stable_token", false},
		{"/cgi-bin/token*", askToken, true},
		{"/cgi-bin/t*", askToken, true},
		{"/CGI-bin/T*", "/cgi-bin/%74oken/?grant_type=client_credential&appid=wxshop&secret=orders-key", true},
		{"/cgi-bin/*", askToken, true},
		{"/c*", "/@shop/cgi-bin/stable_token", true},
		{"/*", askToken, true},
		{"/*", "/wxproxy/jsapi-signature?url=https%3A%2F%2Fshop.example%2F", true},
		{"/wxproxy/j*", "/wxproxy/jsapi-signature?url=https%3A%2F%2Fshop.example%2F", true},
		{"/wx*", "/wxproxy/jsapi-signature?url=https%3A%2F%2Fshop.example%2F", true},
		{"/wxproxy/j*", "/wxproxy/healthz", false},
		{"/wxproxy/h*", "/wxproxy/healthz", true},
		{"/wxproxy*", "/wxproxy/healthz", true},
		{"/wx*", "/wxproxy/healthz", false},
		{"/*", "/wxproxy/healthz", false},
		{"/*", "/wxproxy/readyz", false},
		{"/cgi-bin/token/*", askToken, true}, // which is the path itself, too
		{"/cgi-bin/tokens*", askToken, false},
		{"/cgi-bin/user/*", askToken, false},
	} {
		for _, clients := range [][]Client{nil, {keyed("orders", "orders-key")}} {
			a := account("shop", "wxshop")
			a.Ticket = func(string, time.Duration) (string, error) { return "ticket", nil }
			c := withAccounts(new(recorder), clients, a)
			a.Lend = func(time.Duration) (string, time.Duration, error) { return "REAL", time.Hour, nil }
			c.Accounts, c.TokenEndpoint = []Account{a}, TokenReal
			c.Routes = []Route{{Pattern: row.pattern, Credential: CredentialDeny}}
			ctx := handle(t, New(c), get(row.path, "Authorization: Bearer orders-key"))
			if got := slugOf(ctx) == "no_credential"; got != row.closed {
				t.Errorf("%s for %s, %d clients: got %d %s; want it closed: %t", row.pattern, row.path, len(clients), ctx.Response.StatusCode(), ctx.Response.Body(), row.closed)
			}
		}
	}
}

// The AppSecret goes where the API wants it, also if a route says no more than that
// it takes one.
func TestARouteThatSaysWhatIsKnownChangesNothing(t *testing.T) {
	c := config(nil)
	c.Routes = []Route{{Pattern: "/cgi-bin/clear_quota/*", Credential: CredentialSecret}}
	if got := routeOf(t, New(c), "/cgi-bin/clear_quota/v2"); got.names != (secretNames{"appid", "appsecret"}) {
		t.Errorf("got %v; want the names of WeChat's manual", got.names)
	}
}

// Of several patterns that match, the exact one wins, then the longest, wherever it
// stands, and also where all that it can say is that nobody may.
func TestTheNarrowestRouteDecidesWhatIsClosed(t *testing.T) {
	for _, row := range []struct {
		name   string
		routes []Route
		closed map[string]bool
	}{
		{"a narrower one that does not close", []Route{{Pattern: "/cgi-bin/*", Credential: CredentialDeny}, {Pattern: "/cgi-bin/t*", Credential: CredentialApp}},
			map[string]bool{"/cgi-bin/token": false, "/cgi-bin/stable_token": true, "/wxproxy/jsapi-signature": false}},
		{"a narrower one that closes", []Route{{Pattern: "/cgi-bin/t*", Credential: CredentialDeny}, {Pattern: "/*", Credential: CredentialNone}},
			map[string]bool{"/cgi-bin/token": true, "/cgi-bin/stable_token": false}},
		{"the path itself", []Route{{Pattern: "/cgi-bin/to*", Credential: CredentialApp}, {Pattern: "/cgi-bin/token", Credential: CredentialDeny}},
			map[string]bool{"/cgi-bin/token": true, "/cgi-bin/stable_token": false}},
	} {
		c := config(nil)
		c.Routes = row.routes
		for path, closed := range row.closed {
			if got := routeOf(t, New(c), path).Credential; (got == credentialClosed) != closed {
				t.Errorf("%s, %s: got %q; want it closed: %t", row.name, path, got, closed)
			}
		}
	}
}

// What a client is denied it is denied also where the proxy answers itself.
func TestAClientIsDeniedWhatTheProxyAnswersItself(t *testing.T) {
	for _, endpoint := range []TokenEndpoint{TokenVirtual, TokenReal} {
		for _, row := range []struct {
			deny, path string
			denied     bool
		}{
			{"/cgi-bin/token*", "/cgi-bin/token", true},
			{"/cgi-bin/t*", "/cgi-bin/Token/", true},
			{"/*", "/cgi-bin/token", true},
			{"/wxproxy/j*", "/wxproxy/jsapi-signature", true},
			{"/*", "/wxproxy/jsapi-signature", true},
			{"/wxproxy/j*", "/cgi-bin/token", endpoint == TokenReal}, // which would go round it
		} {
			a := account("shop", "wxshop")
			a.Ticket = func(string, time.Duration) (string, error) { return "ticket", nil }
			a.Lend = func(time.Duration) (string, time.Duration, error) { return "REAL", time.Hour, nil }
			client := keyed("orders", "orders-key")
			client.Deny = []string{row.deny}
			c := withAccounts(new(recorder), []Client{client}, a)
			c.TokenEndpoint = endpoint
			query := "?url=https%3A%2F%2Fshop.example%2F"
			if row.path != "/wxproxy/jsapi-signature" {
				query = "?grant_type=client_credential&appid=wxshop&secret=orders-key"
			}
			ctx := handle(t, New(c), get(row.path+query, "Authorization: Bearer orders-key"))
			if got := slugOf(ctx) == "forbidden_path"; got != row.denied {
				t.Errorf("%s: %s for %s: got %s; want it denied: %t", endpoint, row.deny, row.path, ctx.Response.Body(), row.denied)
			}
		}
	}
}
