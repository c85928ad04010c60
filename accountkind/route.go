package accountkind

// A Credential is a credential class: it says what the proxy adds to a request to a path.
type Credential string

// These are the credential classes, in the words of the configuration, in which all but
// the last one can be written.
const (
	CredentialApp      Credential = "app"      // the account's access_token
	CredentialPlatform Credential = "platform" // the token of a third-party platform; without any platform as "deny"
	CredentialSecret   Credential = "secret"   // appid and AppSecret; no token
	CredentialUser     Credential = "user"     // nothing: the caller's own OAuth token goes through
	CredentialNone     Credential = "none"     // nothing
	CredentialDeny     Credential = "deny"     // the request is refused
	CredentialTicket   Credential = "ticket"   // the account's access_token, for a ticket that is cached
)

// A Route gives the paths that match a pattern their credential class. A
// pattern is a path; '*' at its end matches any rest.
type Route struct {
	Pattern    string
	Credential Credential

	// Names are for class "secret" alone; if they are empty, the kind has them.
	Names SecretNames

	// Ticket is, for class "ticket" alone, the type of ticket that the path is for; empty: the
	// parameter type says it.
	Ticket string

	// What follows is about third-party platforms.

	// AsPlatform is, for class "secret", the path that does the same for an account that
	// has authorized a platform, with the platform's token: the platform has no AppSecret of
	// the account. Empty: there is none.
	AsPlatform string
	// InBody says of class "secret" that appid and secret are a platform's, and members of
	// the JSON body.
	InBody bool
	// OAuth says of class "platform" that the token goes by the platform's own parameter
	// name, and component_appid and the account's appid stand beside it.
	OAuth bool
	// Administers says of class "platform" that the API changes accounts or templates.
	Administers bool
	// HoldsRefreshTokens says of class "platform" that the answer has refresh tokens.
	HoldsRefreshTokens bool
	// NamesAuthorizer says of class "platform" that the JSON body names the account, as
	// authorizer_appid, that the request is about.
	NamesAuthorizer bool
	// EitherToken says of class "app" that the API takes a platform's token, too.
	EitherToken bool
	// PlatformFirst says of class "app" that the API takes a platform's token where an
	// account was chosen that has authorized it, or none.
	PlatformFirst bool
}

// SecretNames are the query parameters that carry the account's appid and
// AppSecret on a path of class "secret"; an empty name: not sent.
type SecretNames struct{ AppID, Secret string }
