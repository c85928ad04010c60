package proxy

import "testing"

func TestEveryPathHasItsCredential(t *testing.T) {
	rows := []struct {
		path  string
		want  Credential
		names secretNames
	}{
		{"/cgi-bin/token", credentialToken, secretNames{}},
		{"/cgi-bin/stable_token", credentialToken, secretNames{}},
		{"/wxproxy/jsapi-signature", credentialLocal, secretNames{}},
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
	if err := parsed.parse([]byte(path), nil); err != nil {
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
