package accountkind

// WeChat is an official account or a mini program.
var WeChat = Kind{
	Name: "WeChat",

	URL: "https://api.weixin.qq.com",
	FallbackURLs: []string{
		"https://api2.weixin.qq.com",
		"https://sh.api.weixin.qq.com",
		"https://sz.api.weixin.qq.com",
		"https://hk.api.weixin.qq.com",
	},
	Hosts: []string{"api.weixin.qq.com", "api.weixin.qq.com:80", "api.weixin.qq.com:443"},

	ProbePath:  "/cgi-bin/get_api_domain_ip",
	TokenPaths: []string{"/cgi-bin/token", "/cgi-bin/stable_token"},
	Routes:     wechatRoutes,

	TokenParameter:   "access_token",
	AccountParameter: "from_appid",
	SecretNames:      SecretNames{"appid", "secret"},

	OwnParameters:    []string{"from_appid"},
	TokenParameters:  []string{"access_token", "from_appid"},
	SecretParameters: []string{"appid", "secret", "appsecret", "access_token", "from_appid"},
	SecretMembers:    []string{"appid", "secret", "appsecret"},

	TokenRequest: TokenRequest{
		GrantName: "grant_type", AppIDName: "appid", SecretName: "secret",
		Grant: "client_credential", POSTPath: "/cgi-bin/stable_token",
		NotPOST: 43002, BadGrant: 40002, NoAppID: 41002, BadAppID: 40013, NoSecret: 41004, BadSecret: 40125, BadData: 47001,
	},
	Platform: wechatPlatform,

	TicketTypes: []string{"jsapi", "wx_card"},
	PageTicket:  "jsapi",
	QuotingPath: "/cgi-bin/openapi/rid/get",

	TokenErrcodes: []int{40001, 40014, 42001},
	InvalidToken:  40001,
	ExpiredToken:  42001,

	NoSuchPath: 40066,
	documented: wechatDocumented,
}

// wechatRoutes is the credential table of WeChat's API. The source is WeChat's
// manual of each path.
var wechatRoutes = append([]Route{
	{Pattern: "/sns/jscode2session", Credential: CredentialSecret, Names: SecretNames{"appid", "secret"}, AsPlatform: "/sns/component/jscode2session"},
	{Pattern: "/sns/oauth2/access_token", Credential: CredentialSecret, Names: SecretNames{"appid", "secret"}, AsPlatform: "/sns/oauth2/component/access_token"},
	{Pattern: "/sns/oauth2/refresh_token", Credential: CredentialSecret, Names: SecretNames{AppID: "appid"}, AsPlatform: "/sns/oauth2/component/refresh_token"},
	{Pattern: "/cgi-bin/clear_quota/v2", Credential: CredentialSecret, Names: SecretNames{"appid", "appsecret"}},

	{Pattern: "/cgi-bin/ticket/getticket", Credential: CredentialTicket},

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
}, platformRoutes...)
