package accountkind

// WeCom is an application of a corp. Several of one corp are normal: the corp's id names
// an account only if the corp has no other.
var WeCom = Kind{
	Name: "WeCom",

	URL:   "https://qyapi.weixin.qq.com",
	Hosts: []string{"qyapi.weixin.qq.com", "qyapi.weixin.qq.com:80", "qyapi.weixin.qq.com:443"},

	ProbePath:  "/cgi-bin/get_api_domain_ip",
	TokenPaths: []string{"/cgi-bin/gettoken"},
	Routes:     wecomRoutes,

	TokenParameter:   "access_token",
	AccountParameter: "from_appid",

	OwnParameters:    []string{"from_appid"},
	TokenParameters:  []string{"access_token", "suite_access_token", "provider_access_token", "from_appid"},
	SecretParameters: []string{"access_token", "suite_access_token", "provider_access_token", "from_appid"},

	ForeignSecrets: []string{"corpsecret", "suite_secret", "provider_secret", "permanent_code", "suite_ticket"},
	RobotKey:       "key",

	// The proxy refuses whatever is wrong with a key or the choice of an application by
	// 40001, which is what SDKs know of gettoken.
	TokenRequest: TokenRequest{
		AppIDName: "corpid", SecretName: "corpsecret", OfCorp: true,
		NotPOST: 43001, BadGrant: 40035, NoAppID: 41002, BadAppID: 40013, NoSecret: 40001, BadSecret: 40001, BadData: 47001,
	},

	TicketTypes: []string{"agent_config", "wx_card"},
	PageTicket:  "jsapi",
	AgentTicket: "agent_config",

	// 40001 is a wrong secret, which only gettoken answers.
	TokenErrcodes: []int{40014, 42001},
	// The address is not on the list, the contacts assistant meets a new address, the
	// application is disabled, the agentid of the body is another application's.
	ReportedErrcodes: []int{60020, 48009, 50003, 301002},
	InvalidToken:     42001, // some SDKs stop at 40014, and all ask again for this
	ExpiredToken:     42001,

	documented: wecomDocumented,
}

// wecomRoutes is the credential table of WeCom's API. The source is WeCom's manual of each
// path.
var wecomRoutes = []Route{
	{Pattern: "/cgi-bin/get_jsapi_ticket", Credential: CredentialTicket, Ticket: "jsapi"},
	{Pattern: "/cgi-bin/ticket/get", Credential: CredentialTicket},

	// Robots of a chat, which have a key of their own in the query.
	{Pattern: "/cgi-bin/webhook/*", Credential: CredentialNone},

	// They take or hand out a credential of a service provider, of a device or of another
	// corp.
	{Pattern: "/cgi-bin/service/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/license/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/advanced_api/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/paytool/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/openhw/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/hardware/*", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/corpgroup/corp/gettoken", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/idconvert/upgrade_chatid_for_new_corp", Credential: CredentialDeny},

	// They are WeChat's, where their requests carry a credential or their answers hand one
	// out: at qyapi.weixin.qq.com nobody has a use for them.
	{Pattern: "/cgi-bin/token", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/stable_token", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/ticket/getticket", Credential: CredentialDeny},
	{Pattern: "/cgi-bin/component/*", Credential: CredentialDeny},
	{Pattern: "/sns/*", Credential: CredentialDeny},
}
