package proxy

// localRoutes are the paths that the proxy answers itself and never forwards.
var localRoutes = []Route{
	{Pattern: "/cgi-bin/token", Credential: credentialToken},
	{Pattern: "/cgi-bin/stable_token", Credential: credentialToken},
	{Pattern: "/wxproxy/healthz", Credential: credentialHealth},
	{Pattern: "/wxproxy/readyz", Credential: credentialHealth},
	{Pattern: "/wxproxy/*", Credential: credentialLocal},
}

// builtinRoutes is the credential table of WeChat's API: every path that does
// not take the account's access_token in its query. The source is WeChat's
// manual of each path.
var builtinRoutes = []Route{
	{Pattern: "/sns/jscode2session", Credential: CredentialSecret, names: secretNames{"appid", "secret"}},
	{Pattern: "/sns/oauth2/access_token", Credential: CredentialSecret, names: secretNames{"appid", "secret"}},
	{Pattern: "/sns/oauth2/refresh_token", Credential: CredentialSecret, names: secretNames{appID: "appid"}},
	{Pattern: "/cgi-bin/clear_quota/v2", Credential: CredentialSecret, names: secretNames{"appid", "appsecret"}},

	{Pattern: "/cgi-bin/ticket/getticket", Credential: credentialTicket},

	{Pattern: "/sns/userinfo", Credential: CredentialUser},
	{Pattern: "/sns/auth", Credential: CredentialUser},

	// They are WeCom's, where their requests carry a credential or their answers hand
	// one out: at api.weixin.qq.com nobody has a use for them.
	{Pattern: "/cgi-bin/gettoken", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/get_jsapi_ticket", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/ticket/get", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/service/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/license/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/advanced_api/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/paytool/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/openhw/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/hardware/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/webhook/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/corpgroup/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/idconvert/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/miniprogram/jscode2session", Credential: CredentialDeny},

	// They take the credential of a third-party platform (component).
	{Pattern: "/cgi-bin/component/*", Credential: CredentialDeny},
	{Pattern: "/sns/component/*", Credential: CredentialDeny},
	{Pattern: "/sns/oauth2/component/*", Credential: CredentialDeny},
	{Pattern: "/componenttcb/*", Credential: CredentialDeny},
	{Pattern: "/tcb/modifyenv", Credential: CredentialDeny},
	{Pattern: "/tcb/usecloudaccesstoken", Credential: CredentialDeny},
	{Pattern: "/wedata/wedata_get_login_config", Credential: CredentialDeny},
	{Pattern: "/wedata/wedata_set_login_config", Credential: CredentialDeny},
	{Pattern: "/wxa/component/*", Credential: CredentialDeny},
	{Pattern: "/wxa/gettemplatedraftlist", Credential: CredentialDeny},
	{Pattern: "/wxa/gettemplatelist", Credential: CredentialDeny},
	{Pattern: "/wxa/addtotemplate", Credential: CredentialDeny},
	{Pattern: "/wxa/deletetemplate", Credential: CredentialDeny},
	{Pattern: "/wxa/servicemarket/service/*", Credential: CredentialDeny},
	{Pattern: "/wxa/servicemarket/get_paid_order_list", Credential: CredentialDeny},
	{Pattern: "/wxa/security/applysetorderpathinfo", Credential: CredentialDeny},
}
