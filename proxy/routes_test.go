package proxy

import (
	"testing"
	"time"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/target"
)

func TestEveryPathHasItsCredential(t *testing.T) {
	rows := []struct {
		path  string
		want  accountkind.Credential
		names accountkind.SecretNames
	}{
		{"/cgi-bin/token", credentialToken, accountkind.SecretNames{}},
		{"/cgi-bin/stable_token", credentialToken, accountkind.SecretNames{}},
		{"/wxproxy/jsapi-signature", credentialLocal, accountkind.SecretNames{}},
		{"/wxproxy/healthz", credentialHealth, accountkind.SecretNames{}},
		{"/wxproxy/ReadyZ/", credentialHealth, accountkind.SecretNames{}},
		{"/wxproxy/readyz/x", credentialLocal, accountkind.SecretNames{}},
		{"/cgi-bin/component/", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/sns/jscode2session/", accountkind.CredentialSecret, accountkind.SecretNames{AppID: "appid", Secret: "secret"}},
		{"/CGI-BIN/Token", credentialToken, accountkind.SecretNames{}},
		{"/cgi-bin/%74oken", credentialToken, accountkind.SecretNames{}},
		{"/cgi-bin/token/", credentialToken, accountkind.SecretNames{}},
		{"/wxproxy", credentialLocal, accountkind.SecretNames{}},
		{"/wxproxy/", credentialLocal, accountkind.SecretNames{}},
		{"/%63%67%69-bin/STABLE%5Ftoken", credentialToken, accountkind.SecretNames{}},

		{"/cgi-bin/clear_quota/v2", accountkind.CredentialSecret, accountkind.SecretNames{AppID: "appid", Secret: "appsecret"}},
		{"/sns/jscode2session", accountkind.CredentialSecret, accountkind.SecretNames{AppID: "appid", Secret: "secret"}},
		{"/sns/oauth2/access_token", accountkind.CredentialSecret, accountkind.SecretNames{AppID: "appid", Secret: "secret"}},
		{"/sns/oauth2/refresh_token", accountkind.CredentialSecret, accountkind.SecretNames{AppID: "appid"}},

		{"/sns/userinfo", accountkind.CredentialUser, accountkind.SecretNames{}},
		{"/sns/auth", accountkind.CredentialUser, accountkind.SecretNames{}},

		{"/cgi-bin/gettoken", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/GetToken/", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/service/get_suite_token", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/service/get_provider_token", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/service/v2/get_permanent_code", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/license/create_new_order", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/openhw/get_model_token", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/corpgroup/corp/gettoken", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/webhook/send", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/idconvert/upgrade_chatid_for_new_corp", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/get_jsapi_ticket", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/ticket/get", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/miniprogram/jscode2session", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/tcb/usecloudaccesstoken", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/tcb/invokecloudfunction", accountkind.CredentialApp, accountkind.SecretNames{}},
		{"/cgi-bin/gettokens", accountkind.CredentialApp, accountkind.SecretNames{}},

		{"/cgi-bin/component/api_component_token", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/component/api_start_push_ticket", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/cgi-bin/component/clear_quota/v2", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/componenttcb/batchcreateenv", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/wxa/component/getprivacysetting", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/wxa/gettemplatedraftlist", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/wxa/gettemplatelist", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/wxa/addtotemplate", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/wxa/deletetemplate", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/wxa/servicemarket/service/x", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/wxa/servicemarket/get_paid_order_list", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/wxa/security/applysetorderpathinfo", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/sns/component/jscode2session", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/sns/oauth2/component/access_token", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/sns/oauth2/component/refresh_token", accountkind.CredentialDeny, accountkind.SecretNames{}},
		{"/SNS/Component/x", accountkind.CredentialDeny, accountkind.SecretNames{}},

		{"/cgi-bin/ticket/getticket", accountkind.CredentialTicket, accountkind.SecretNames{}},
		{"/cgi-bin/clear_quota", accountkind.CredentialApp, accountkind.SecretNames{}},
		{"/cgi-bin/openapi/rid/get", accountkind.CredentialApp, accountkind.SecretNames{}},
		{"/cgi-bin/get_api_domain_ip", accountkind.CredentialApp, accountkind.SecretNames{}},
		{"/xpay/query_order", accountkind.CredentialApp, accountkind.SecretNames{}},
		{"/wxa/game/getbalance", accountkind.CredentialApp, accountkind.SecretNames{}},
		{"/wxa/checksession", accountkind.CredentialApp, accountkind.SecretNames{}},
		{"/donut/code2verifyinfo", accountkind.CredentialApp, accountkind.SecretNames{}},
		{"/datacube/getusersummary", accountkind.CredentialApp, accountkind.SecretNames{}},
		{"/cgi-bin/tokens", accountkind.CredentialApp, accountkind.SecretNames{}},
		{"/cgi-bin/componentx", accountkind.CredentialApp, accountkind.SecretNames{}},
		{"/", accountkind.CredentialApp, accountkind.SecretNames{}},
	}
	p := New(config(nil))
	for _, row := range rows {
		t.Run(row.path, func(t *testing.T) {
			got := routeOf(t, p, row.path)
			if got.Credential != row.want || got.Names != row.names {
				t.Errorf("got %q, %v; want %q, %v", got.Credential, got.Names, row.want, row.names)
			}
		})
	}
}

func routeOf(t *testing.T, p *Proxy, path string) accountkind.Route {
	t.Helper()
	var parsed target.Target
	if err := parsed.Parse([]byte(path), nil, accountkind.WeChat.TokenParameters); err != nil {
		t.Fatal(err)
	}
	return p.kinds[0].route(parsed.Policy).Route
}

func TestConfiguredRoutesBeatTheBuiltInOnesAndLocalOnesBeatAll(t *testing.T) {
	c := config(nil)
	c.Accounts[0].Kind.Routes = []accountkind.Route{
		{Pattern: "/sns/userinfo", Credential: accountkind.CredentialApp},
		{Pattern: "/wxa/*", Credential: accountkind.CredentialNone},
		{Pattern: "/wxa/game/*", Credential: accountkind.CredentialDeny},
		{Pattern: "/wxa/game/getbalance", Credential: accountkind.CredentialUser},
		{Pattern: "/Wxa/Business/*", Credential: accountkind.CredentialSecret},
		{Pattern: "/cgi-bin/*", Credential: accountkind.CredentialNone},
		{Pattern: "/cgi-bin/token", Credential: accountkind.CredentialNone},
		{Pattern: "/datacube/y/", Credential: accountkind.CredentialNone},
		{Pattern: "/", Credential: accountkind.CredentialDeny},
		{Pattern: "/cgi-bin/gettoken", Credential: accountkind.CredentialApp},
		{Pattern: "/cgi-bin/clear_quota/*", Credential: accountkind.CredentialSecret},
	}
	p := New(c)
	rows := []struct {
		name, path string
		want       accountkind.Credential
	}{
		{"configured beats built-in", "/sns/userinfo", accountkind.CredentialApp},
		{"a configured prefix beats a built-in path", "/wxa/gettemplatelist", accountkind.CredentialNone},
		{"the longest prefix", "/wxa/game/x", accountkind.CredentialDeny},
		{"a path beats a prefix", "/wxa/game/getbalance", accountkind.CredentialUser},
		{"a prefix in other letters", "/wxa/business/x", accountkind.CredentialSecret},
		{"local beats a configured path", "/cgi-bin/token", credentialToken},
		{"local beats a configured prefix", "/cgi-bin/stable_token", credentialToken},
		{"a slash at a pattern's end says nothing", "/datacube/y", accountkind.CredentialNone},
		{"a slash at both ends", "/datacube/y/", accountkind.CredentialNone},
		{"the root", "/", accountkind.CredentialDeny},
		{"a configured path beats one that is denied", "/cgi-bin/gettoken", accountkind.CredentialApp},
		{"other paths stay as they are", "/datacube/x", accountkind.CredentialApp},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got := routeOf(t, p, row.path).Credential; got != row.want {
				t.Errorf("got %q; want %q", got, row.want)
			}
		})
	}
	if got, want := routeOf(t, p, "/wxa/business/x").Names, (accountkind.SecretNames{AppID: "appid", Secret: "secret"}); got != want {
		t.Errorf("a configured path of class secret: got %v; want %v", got, want)
	}
}

// The only route that changes a path which the proxy answers itself is one of class
// "deny".
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
			a.Lend = func(time.Duration) (string, time.Duration, error) { return "REAL", time.Hour, nil }
			c := withAccounts(new(recorder), clients, a)
			c.TokenEndpoint = TokenReal
			c.Accounts[0].Kind.Routes = []accountkind.Route{{Pattern: row.pattern, Credential: accountkind.CredentialDeny}}
			ctx := handle(t, New(c), rawtest.Get(row.path, "Authorization: Bearer orders-key"))
			if got := slugOf(ctx) == "no_credential"; got != row.closed {
				t.Errorf("%s for %s, %d clients: got %d %s; want it closed: %t", row.pattern, row.path, len(clients), ctx.Response.StatusCode(), ctx.Response.Body(), row.closed)
			}
		}
	}
}

// A configured route of class "secret" leaves the parameters' names as the built-in one
// has them.
func TestARouteThatSaysWhatIsKnownChangesNothing(t *testing.T) {
	c := config(nil)
	c.Accounts[0].Kind.Routes = []accountkind.Route{{Pattern: "/cgi-bin/clear_quota/*", Credential: accountkind.CredentialSecret}}
	if got := routeOf(t, New(c), "/cgi-bin/clear_quota/v2"); got.Names != (accountkind.SecretNames{AppID: "appid", Secret: "appsecret"}) {
		t.Errorf("got %v; want the names of WeChat's manual", got.Names)
	}
}

// Of several patterns that match, the exact one wins, then the longest, in whatever order
// they are, and also on paths that the proxy answers itself.
func TestTheNarrowestRouteDecidesWhatIsClosed(t *testing.T) {
	for _, row := range []struct {
		name   string
		routes []accountkind.Route
		closed map[string]bool
	}{
		{"a narrower one that does not close", []accountkind.Route{{Pattern: "/cgi-bin/*", Credential: accountkind.CredentialDeny}, {Pattern: "/cgi-bin/t*", Credential: accountkind.CredentialApp}},
			map[string]bool{"/cgi-bin/token": false, "/cgi-bin/stable_token": true, "/wxproxy/jsapi-signature": false}},
		{"a narrower one that closes", []accountkind.Route{{Pattern: "/cgi-bin/t*", Credential: accountkind.CredentialDeny}, {Pattern: "/*", Credential: accountkind.CredentialNone}},
			map[string]bool{"/cgi-bin/token": true, "/cgi-bin/stable_token": false}},
		{"the path itself", []accountkind.Route{{Pattern: "/cgi-bin/to*", Credential: accountkind.CredentialApp}, {Pattern: "/cgi-bin/token", Credential: accountkind.CredentialDeny}},
			map[string]bool{"/cgi-bin/token": true, "/cgi-bin/stable_token": false}},
	} {
		c := config(nil)
		c.Accounts[0].Kind.Routes = row.routes
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
			ctx := handle(t, New(c), rawtest.Get(row.path+query, "Authorization: Bearer orders-key"))
			if got := slugOf(ctx) == "forbidden_path"; got != row.denied {
				t.Errorf("%s: %s for %s: got %s; want it denied: %t", endpoint, row.deny, row.path, ctx.Response.Body(), row.denied)
			}
		}
	}
}
