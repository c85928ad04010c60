package proxy

import (
	"fmt"
	"strings"
	"testing"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/rawtest"
)

// These are the paths of WeChat's manual and of SKIT's SDK of February 2026.
func TestEveryPathOfPlatformsHasItsToken(t *testing.T) {
	rows := map[string]accountkind.Credential{
		"/cgi-bin/component/api_component_token":  credentialComponent,
		"/cgi-bin/component/api_authorizer_token": credentialAuthorizer,
		"/cgi-bin/component/api_query_auth":       credentialRedeem,
		"/CGI-BIN/Component/API_query_auth/":      credentialRedeem,
		"/wxproxy/authorize-url":                  credentialAuthorize,
	}
	for credential, paths := range map[accountkind.Credential]string{
		accountkind.CredentialSecret: "/cgi-bin/component/api_start_push_ticket /cgi-bin/component/clear_quota/v2 /sns/jscode2session /cgi-bin/clear_quota/v2",
		accountkind.CredentialPlatform: "/sns/component/jscode2session /sns/oauth2/component/access_token /sns/oauth2/component/refresh_token /sns/component/new /sns/oauth2/component/new " +
			"/cgi-bin/component/api_create_preauthcode /cgi-bin/component/api_get_authorizer_info /cgi-bin/component/api_get_authorizer_list /cgi-bin/component/fastregisterweapp " +
			"/cgi-bin/component/modify_wxa_server_domain /cgi-bin/component/get_domain_confirmfile /cgi-bin/component/modify_wxa_jump_domain /cgi-bin/component/new /cgi-bin/component " +
			"/wxa/gettemplatedraftlist /wxa/addtotemplate /wxa/gettemplatelist /wxa/deletetemplate /wxa/component/fastregisterbetaweapp /wxa/component/fastregisterpersonalweapp " +
			"/componenttcb/batchuploadfile /tcb/modifyenv /tcb/usecloudaccesstoken /wedata/wedata_get_login_config /wedata/wedata_set_login_config /wxa/security/applysetorderpathinfo " +
			"/wxa/servicemarket/service/get_service_buyer_list /wxa/servicemarket/service/get_service_buyer /wxa/servicemarket/service/login_auth /wxa/servicemarket/get_paid_order_list",
		accountkind.CredentialApp: "/cgi-bin/component/setprivacysetting /cgi-bin/component/getprivacysetting /cgi-bin/component/uploadprivacyextfile " +
			"/cgi-bin/component/get_authorizer_option /cgi-bin/component/set_authorizer_option /cgi-bin/account/componentrebindadmin /cgi-bin/open/create /cgi-bin/open/bind " +
			"/cgi-bin/open/unbind /cgi-bin/open/get /wxa/commit /wxa/submit_audit /wxa/release /wxa/get_qrcode /wxa/modify_domain /tcb/invokecloudfunction /tcb/databasequery " +
			"/cgi-bin/clear_quota /cgi-bin/openapi/quota/get /cgi-bin/openapi/rid/get /cgi-bin/getcallbackip /cgi-bin/get_api_domain_ip /cgi-bin/callback/check /wxa/servicemarket",
		accountkind.CredentialUser: "/sns/userinfo /sns/auth",
	} {
		for _, path := range strings.Fields(paths) {
			rows[path] = credential
		}
	}
	p := New(platformConfig(nil))
	for path, want := range rows {
		if got := routeOf(t, p, path).Credential; got != want {
			t.Errorf("%s: got %q; want %q", path, got, want)
		}
	}
}

// That a table has paths does not make those beside them the platform's.
func TestPathsThatNoTableNamesTakeTheAccountsToken(t *testing.T) {
	p := New(platformConfig(nil))
	for _, path := range strings.Fields("/wxa/servicemarket /wxa/gettemplatelists /wxa/gettemplatelist/x " +
		"/tcb/new /wedata/new /sns/componentx /sns/oauth2/componentx /cgi-bin/componentx/api_query_auth /cgi-bin/componenttcb /componenttc/x") {
		if got := routeOf(t, p, path).Credential; got != accountkind.CredentialApp {
			t.Errorf("%s: got %q; want %q", path, got, accountkind.CredentialApp)
		}
	}
}

// Whether WeChat takes calls from this machine is seen in those for the platform and in those
// for its accounts, and in no others.
func TestThePlatformIsToldOfARefusedAddress(t *testing.T) {
	const refused = `{"errcode":61004,"errmsg":"access clientip is not registered requestIP: 203.0.113.7 rid: 1"}`
	for _, row := range []struct{ raw, answer, want string }{
		{rawtest.Get("/@" + merchant + "/p"), refused, "61004 access clientip is not registered requestIP: 203.0.113.7 rid: 1"},
		{rawtest.Get("/wxa/gettemplatelist"), refused, "61004 access clientip is not registered requestIP: 203.0.113.7 rid: 1"},
		{rawtest.Get("/sns/jscode2session?appid=" + merchant), refused, "61004 access clientip is not registered requestIP: 203.0.113.7 rid: 1"},
		{rawtest.Get("/p"), refused, ""},
		{rawtest.Get("/@" + merchant + "/p"), `{"errcode":48001,"errmsg":"api unauthorized"}`, ""},
		{rawtest.Get("/@" + merchant + "/p"), rawtest.OKBody, "accepted"},
		{rawtest.Get("/wxa/gettemplatelist"), rawtest.OKBody, "accepted"},
		{rawtest.Get("/p"), rawtest.OKBody, ""},
	} {
		c, got := platformConfig(&recorder{answers: []string{row.answer}}), ""
		c.Platforms[0].AddressRefused = func(errcode int, errmsg string) { got += fmt.Sprint(errcode, " ", errmsg) }
		c.Platforms[0].AddressAccepted = func() { got += "accepted" }
		if handle(t, New(c), row.raw); got != row.want {
			t.Errorf("%.50q, %s: got %q; want %q", row.raw, row.answer, got, row.want)
		}
	}
}

// A credential of a platform's that an answer quotes is replaced, in a header and in a body.
func TestAnswersQuoteNoCredentialOfAPlatform(t *testing.T) {
	const refresh, ticket, token = "refreshtoken@@@real-refresh-token", "ticket@@@real-ticket", "saas-token"
	for _, raw := range []string{rawtest.Get("/wxa/gettemplatelist"), rawtest.Get("/sns/jscode2session?appid=" + merchant), rawtest.Get("/@" + merchant + "/p")} {
		c := platformConfig(&recorder{answers: []string{`{"errcode":61007,"errmsg":"quoting ` + refresh + ` ` + ticket + ` ` + token + ` of-` + merchant + `"}`}})
		known := func(dst []string) []string { return append(dst, token, ticket, refresh, "of-"+merchant) }
		c.Platforms[0].Account.Known = known
		authorizer := c.Platforms[0].Authorizer
		c.Platforms[0].Authorizer = func(appID string) (Account, bool) {
			a, isKnown := authorizer(appID)
			a.Known = known
			return a, isKnown
		}
		body := string(handle(t, New(c), raw).Response.Body())
		for _, credential := range []string{refresh, ticket, token, "of-" + merchant} {
			if strings.Contains(body, credential) {
				t.Errorf("%.60q: got %s", raw, body)
			}
		}
	}
	quoted := `{"request":"https://api.weixin.qq.com/cgi-bin/component/api_component_token {\"component_verify_ticket\":\"ticket@@@old\",\"component_appsecret\":\"an-old-secret\"}",` +
		`"response":"{\"authorizer_refresh_token\":\"refreshtoken@@@old\",\"authorization_code\":\"queryauthcode@@@old\",\"pre_auth_code\":\"preauthcode@@@old\"}"}`
	body := string(handle(t, New(platformConfig(&recorder{answers: []string{quoted}})), rawtest.Get("/@saas/cgi-bin/openapi/rid/get")).Response.Body())
	for _, credential := range []string{"@@@old", "an-old-secret"} {
		if strings.Contains(body, credential) {
			t.Errorf("got %s; want no %s", body, credential)
		}
	}
}
