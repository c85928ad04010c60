// Package accountkind has one table for each kind of account: what WeChat's
// manual says of the hosts, paths, parameters and errcodes of that kind, and what a
// pattern of paths matches. It is data, and needs no other package of ours.
package accountkind

// A Kind is what all accounts of one kind have in common. It is never changed.
type Kind struct {
	URL          string   // where its API answers: scheme and host
	FallbackURLs []string // where it answers as well, in order of preference
	Hosts        []string // the names by which programs with http_proxy set know it, wherever it is

	// ProbePath is what a host that left requests without an answer is asked, without a
	// token, to find out whether it answers again. The request has no effect.
	ProbePath string

	// TokenPaths are where programs ask for an access token. The proxy answers them
	// itself, whatever the configuration says of their credential.
	TokenPaths []string

	// Routes are the paths that do not take the account's access token in their
	// query. All others do.
	Routes []Route

	TokenParameter   string      // carries the access token
	AccountParameter string      // names the account, and goes no further than the proxy
	SecretNames      SecretNames // of routes of class "secret" that name no others

	// These query parameters of callers' requests never reach the API. What stands in
	// the place of an AppSecret goes no further, either: it may be the caller's key.
	OwnParameters    []string // of requests that get no credential
	TokenParameters  []string // of requests that get the account's token
	SecretParameters []string // of requests that get its AppSecret

	// SecretMembers are those of SecretParameters that stand in bodies, too.
	SecretMembers []string

	// TokenErrcodes are those by which the API refuses an access token that another
	// one can replace.
	TokenErrcodes []int

	// TokenRequest is how programs ask for an access token at TokenPaths, and how they are
	// refused.
	TokenRequest TokenRequest

	TicketTypes []string // of the tickets that are cached

	// QuotingPath is the API that tells what became of an earlier request, its URL
	// included, with the token or AppSecret that was in it. That may be one that nobody
	// knows any more.
	QuotingPath string

	InvalidToken int // the errcode of an access token that never was good, or is not the latest
	ExpiredToken int // the errcode of an access token that has lived out its time, which happens to every program
}

// A TokenRequest is what a program sends that asks for an access token, in the query,
// as a form or as JSON, and the errcodes by which it is refused.
type TokenRequest struct {
	GrantName, AppIDName, SecretName string // of its members

	Grant    string // the only value of GrantName
	POSTPath string // takes no other method

	NotPOST, BadGrant, NoAppID, BadAppID, NoSecret, BadSecret, BadData int // errcodes
}
