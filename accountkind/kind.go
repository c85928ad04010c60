// Package accountkind has one table for each kind of account: what WeChat's
// manual says of the hosts, paths, parameters and errcodes of that kind, and what a
// pattern of paths matches. It is data, and needs no other package of ours.
package accountkind

import "slices"

// A Kind is what WeChat's manual says of all accounts of one kind. Nothing changes it
// while the process runs. The proxy reads the names, paths and errcodes when it decides
// about a request and its answer. The configuration has some fields as defaults, and the
// service reads the hosts when it starts or reloads.
type Kind struct {
	// Name is what messages to callers call the side that answers.
	Name string

	// URL is the scheme and the host of the API, and FallbackURLs are those of its other
	// domain names, in order of preference. They are the defaults of the settings in
	// [upstream].
	URL          string
	FallbackURLs []string

	// Hosts are the API's names in the requests of programs that have http_proxy set,
	// which give the whole URL (absolute-form): with these names a request is for the API,
	// whichever URL the proxy itself is told to call.
	Hosts []string

	// ProbePath is the path of the API that a host is asked, without a token, to find out
	// whether it answers again after it left requests without an answer. The request has
	// no effect.
	ProbePath string

	// TokenPaths are the paths where programs ask for an access token. The proxy answers
	// them itself, also if the configuration gives them a credential class.
	TokenPaths []string

	// Routes give the credential class of each path that takes something else than the
	// account's access token. All other paths are of class "app".
	Routes []Route

	TokenParameter   string // the query parameter that holds the access token
	AccountParameter string // the query parameter by which callers name the account to the proxy

	// SecretNames are the query parameters for appid and AppSecret on paths of class
	// "secret" whose route has none of its own.
	SecretNames SecretNames

	// These query parameters are removed from callers' requests before they are sent. That
	// includes the one of the AppSecret, where SDKs send the caller's key.
	OwnParameters    []string // from requests that get no credential
	TokenParameters  []string // from requests that get the account's access token
	SecretParameters []string // from requests that get its AppSecret

	// ForeignSecrets are query parameters that hold a credential which no API behind the
	// proxy takes: requests with one are refused. RobotKey is one that only requests without
	// a credential of the proxy's may have.
	ForeignSecrets []string
	RobotKey       string

	// SecretMembers are the members of bodies, JSON or forms, that callers may send in the
	// place of appid and AppSecret. The proxy replaces their values.
	SecretMembers []string

	// TokenErrcodes are the errcodes by which the API refuses an access token: the proxy
	// then sends the request once more. They are the default of the setting retry_errcodes.
	TokenErrcodes []int

	// ReportedErrcodes are the errcodes of answers that only somebody at the account's console,
	// or in the configuration, can do something about. Callers get them, and /status tells
	// them with this machine's address, if the errmsg has it.
	ReportedErrcodes []int

	// TokenRequest says how programs ask for an access token at TokenPaths, and with which
	// errcodes the API, and so the proxy, refuses them.
	TokenRequest TokenRequest

	// Platform is what the manual says of third-party platforms, whose accounts are of this
	// kind.
	Platform Platform

	// TicketTypes are the values of the parameter type, at paths of class "ticket" whose route
	// has no type of its own, whose tickets the proxy caches.
	TicketTypes []string

	// AgentTicket is the type of the ticket that signs pages for wx.agentConfig, where the
	// account has an agent_id; empty: there is none.
	AgentTicket string

	// PageTicket is the type of the ticket that signs pages for wx.config; empty: there is
	// none.
	PageTicket string

	// QuotingPath is the path of the API that returns an earlier request by its rid, with
	// the URL and so with the access token or AppSecret of that time. The proxy redacts
	// whatever looks like a credential in its answers, as an old one is no longer known.
	QuotingPath string

	// These are the errcodes with which the proxy refuses virtual tokens, as the API refuses
	// access tokens.
	InvalidToken int // "invalid credential, access_token is invalid or not latest"
	ExpiredToken int // "access_token expired"; it happens to every program, and is not logged

	// NoSuchPath is the errcode of a path that is no API; 0: there is none.
	NoSuchPath int

	documented string // the paths of documented APIs, one a line
}

// AllTickets returns the types of all tickets that an account can have.
func (k *Kind) AllTickets() []string {
	all := slices.Clone(k.TicketTypes)
	for _, row := range k.Routes {
		if row.Ticket != "" {
			all = append(all, row.Ticket)
		}
	}
	return all
}

// A TokenRequest is a request for an access token: what a program sends in the query, as a
// form or as JSON, and the errcodes by which it is refused.
type TokenRequest struct {
	// The names of the members for the grant type, the appid and the AppSecret.
	GrantName, AppIDName, SecretName string

	Grant    string // the only value of GrantName that is accepted
	POSTPath string // the path of TokenPaths that takes POST only

	NotPOST   int // the errcode of another method at POSTPath
	BadGrant  int // of another or no grant type
	NoAppID   int // of no appid
	BadAppID  int // of an appid that no account has
	NoSecret  int // of no AppSecret
	BadSecret int // of a wrong AppSecret
	BadData   int // of a body that is neither JSON nor a form

	// OfCorp says that the appid is that of a corp, which may have several accounts: programs
	// say by the secret, as KEY:NAME, which one they mean. The answer says errcode 0, too.
	OfCorp bool
}
