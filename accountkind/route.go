package accountkind

// A Credential is a credential class: it says what the proxy adds to a request to a path.
type Credential string

// These are the credential classes, in the words of the configuration, in which all but
// the last one can be written.
const (
	CredentialApp    Credential = "app"    // the account's access_token
	CredentialSecret Credential = "secret" // appid and AppSecret; no token
	CredentialUser   Credential = "user"   // nothing: the caller's own OAuth token goes through
	CredentialNone   Credential = "none"   // nothing
	CredentialDeny   Credential = "deny"   // the request is refused
	CredentialTicket Credential = "ticket" // the account's access_token, for a ticket that is cached
)

// A Route gives the paths that match a pattern their credential class. A
// pattern is a path; '*' at its end matches any rest.
type Route struct {
	Pattern    string
	Credential Credential

	// Names are for class "secret" alone; if they are empty, the kind has them.
	Names SecretNames
}

// SecretNames are the query parameters that carry the account's appid and
// AppSecret on a path of class "secret"; an empty name: not sent.
type SecretNames struct{ AppID, Secret string }
