package accountkind

// A Platform is what WeChat's manual says of third-party platforms.
type Platform struct {
	TokenParameter string // the query parameter that can hold the platform's token, also as a program sends it
	AppIDParameter string // the query parameter for the platform's own appid

	// TokenErrcodes are the errcodes by which the API refuses a platform's token.
	TokenErrcodes []int

	// The paths that the proxy answers in the API's place, for programs that manage tokens
	// themselves.
	TokenPath           string // hands out the platform's token
	AuthorizerTokenPath string // hands out the token of an account that has authorized the platform
	RedeemPath          string // redeems an authorization code

	// TokenRequest says how programs ask for the platform's token.
	TokenRequest TokenRequest

	// The members of requests and answers of those paths.
	CodeName, AuthorizerName string

	WrongToken     int // the errcode of another token than the platform's
	NotAuthorized  int // of an account that has not authorized the platform
	OwnTokenPath   int // of a platform's appid at a path for accounts' tokens
	AddressRefused int // of a call from an address that is not on the platform's list
}

var wechatPlatform = Platform{
	TokenParameter: "component_access_token",
	AppIDParameter: "component_appid",
	TokenErrcodes:  []int{40001, 40014, 42001, 42006, 40094},

	TokenPath:           "/cgi-bin/component/api_component_token",
	AuthorizerTokenPath: "/cgi-bin/component/api_authorizer_token",
	RedeemPath:          "/cgi-bin/component/api_query_auth",

	TokenRequest: TokenRequest{
		AppIDName: "component_appid", SecretName: "component_appsecret",
		POSTPath: "/cgi-bin/component/api_component_token",
		NotPOST:  43002, NoAppID: 41018, BadAppID: 40013, NoSecret: 41004, BadSecret: 40125, BadData: 47001,
	},
	CodeName: "authorization_code", AuthorizerName: "authorizer_appid",

	WrongToken:     61014,
	NotAuthorized:  61003,
	OwnTokenPath:   61024,
	AddressRefused: 61004,
}

// platformRoutes are the APIs of third-party platforms, and those that are taken for
// them. The source is the manual of each path, and WeChat's own SDKs where it contradicts
// itself.
var platformRoutes = []Route{
	{Pattern: "/cgi-bin/component/api_start_push_ticket", Credential: CredentialSecret, Names: SecretNames{"component_appid", "component_secret"}, InBody: true},
	{Pattern: "/cgi-bin/component/clear_quota/v2", Credential: CredentialSecret, Names: SecretNames{"component_appid", "appsecret"}, InBody: true},

	{Pattern: "/sns/component/*", Credential: CredentialPlatform, OAuth: true},
	{Pattern: "/sns/oauth2/component/*", Credential: CredentialPlatform, OAuth: true},

	{Pattern: "/cgi-bin/component/*", Credential: CredentialPlatform, HoldsRefreshTokens: true}, // those that nobody knows may
	{Pattern: "/cgi-bin/component/api_get_authorizer_list", Credential: CredentialPlatform, HoldsRefreshTokens: true},
	{Pattern: "/cgi-bin/component/api_get_authorizer_info", Credential: CredentialPlatform, HoldsRefreshTokens: true, NamesAuthorizer: true},
	{Pattern: "/cgi-bin/component/fastregister*", Credential: CredentialPlatform, Administers: true},
	{Pattern: "/cgi-bin/component/modify_wxa_server_domain", Credential: CredentialPlatform, Administers: true},
	{Pattern: "/cgi-bin/component/modify_wxa_jump_domain", Credential: CredentialPlatform, Administers: true},
	{Pattern: "/cgi-bin/component/get_domain_confirmfile", Credential: CredentialPlatform, Administers: true},

	// They take the account's token, although they are where the platform's are.
	{Pattern: "/cgi-bin/component/setprivacysetting", Credential: CredentialApp},
	{Pattern: "/cgi-bin/component/getprivacysetting", Credential: CredentialApp},
	{Pattern: "/cgi-bin/component/uploadprivacyextfile", Credential: CredentialApp},
	{Pattern: "/cgi-bin/component/get_authorizer_option", Credential: CredentialApp},
	{Pattern: "/cgi-bin/component/set_authorizer_option", Credential: CredentialApp},

	{Pattern: "/wxa/gettemplatedraftlist", Credential: CredentialPlatform},
	{Pattern: "/wxa/gettemplatelist", Credential: CredentialPlatform},
	{Pattern: "/wxa/addtotemplate", Credential: CredentialPlatform, Administers: true},
	{Pattern: "/wxa/deletetemplate", Credential: CredentialPlatform, Administers: true},
	{Pattern: "/wxa/component/*", Credential: CredentialPlatform, Administers: true},
	{Pattern: "/wxa/security/applysetorderpathinfo", Credential: CredentialPlatform},
	{Pattern: "/wxa/servicemarket/service/*", Credential: CredentialPlatform},
	{Pattern: "/wxa/servicemarket/get_paid_order_list", Credential: CredentialPlatform},

	{Pattern: "/componenttcb/*", Credential: CredentialPlatform, Administers: true},
	{Pattern: "/tcb/modifyenv", Credential: CredentialPlatform, Administers: true},
	{Pattern: "/tcb/usecloudaccesstoken", Credential: CredentialPlatform, Administers: true},
	{Pattern: "/tcb/invokecloudfunction", Credential: CredentialApp, PlatformFirst: true},
	{Pattern: "/wedata/wedata_get_login_config", Credential: CredentialPlatform},
	{Pattern: "/wedata/wedata_set_login_config", Credential: CredentialPlatform, Administers: true},

	{Pattern: "/cgi-bin/clear_quota", Credential: CredentialApp, EitherToken: true},
	{Pattern: "/cgi-bin/openapi/quota/get", Credential: CredentialApp, EitherToken: true},
	{Pattern: "/cgi-bin/openapi/rid/get", Credential: CredentialApp, EitherToken: true},
	{Pattern: "/cgi-bin/getcallbackip", Credential: CredentialApp, EitherToken: true},
	{Pattern: "/cgi-bin/get_api_domain_ip", Credential: CredentialApp, EitherToken: true},
	{Pattern: "/cgi-bin/callback/check", Credential: CredentialApp, EitherToken: true},
}
