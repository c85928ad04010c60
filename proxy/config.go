package proxy

import (
	"crypto/tls"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/internal/audit"
	"wxproxy/internal/origin"
	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/closedapis"
	"wxproxy/proxy/internal/gettoken"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/trace"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/upstream"
)

// Upstream sends a request to WeChat and reads the answer into resp. An
// *[upstream.Hosts] is one.
type Upstream interface {
	// Send returns when resp has the answer: all of it, or its header and a stream of its
	// body. An answer that refuses a token is always there as a whole. The error is one of
	// those of package upstream whose names begin with Err.
	Send(m *upstream.Message, resp *fasthttp.Response) error
}

// BodyFilesShare is the part of the limit of open files that bodies take at most.
const BodyFilesShare = body.FilesShare

// Config says what a Proxy serves.
type Config struct {
	Accounts      []Account
	Platforms     []Platform
	Default       string        // name of the account of callers that name none; may be empty
	Clients       []Client      // none: callers need no key
	TokenEndpoint TokenEndpoint // what callers get that ask for a token
	Deployment    string        // only virtual tokens of this deployment are good here
	HostNames     []string      // further names by which callers without a key may know a proxy on loopback
	TokenWait     time.Duration // how long a request waits for a token when there is none
	CallersTLS    *tls.Config   // how callers are spoken to now; nil: in plain text
	Log           *slog.Logger
	MemoryLimit   int64               // of the process, by which bodies are limited; 0: none
	Audit         *audit.Log          // nil: nobody wants to know who got a real token or showed a wrong key
	Trusted       origin.Trusted      // web servers before the proxy
	LogSkips      float64             // with LogAccess: the share of requests that went well which have no line
	LogAccess     bool                // log one line per request, and give each an id; at debug level it is logged anyway
	AccessLog     AccessLog           // with LogAccess: where lines go that need no escape; without Out: to Log
	Counts        *traffic.Counts     // nil: nothing is counted
	Tracer        trace.Tracer        // makes a span of each request; nil: there are none
	Ready         func(all bool) bool // whether requests to one account can be answered, or to all; nil: they can

	// IsSecret reports whether a word is a secret that the log must not show, besides the
	// clients' keys; nil: none is. It is called while a line is written.
	IsSecret func(word []byte) bool
}

// Tokens hands out the access token of one account.
type Tokens interface {
	// Token returns a token that is valid now, waiting for one at most that long.
	Token(wait time.Duration) (string, error)

	// Replace returns the token to use instead of refused, or refused itself if WeChat
	// says that it is still good. An error means that there is no good token to be had.
	Replace(refused string, wait time.Duration) (string, error)
}

// An Account is a WeChat account that callers may use without its credential.
type Account struct {
	Name   string
	AppID  string // several accounts of a kind may have the same one, which then names none
	Key    string // no other account has it; empty: AppID
	Kind   *Kind
	Agent  Agent
	Tokens Tokens
	Secret func() (string, error) // the AppSecret, for paths of class "secret"

	// Accepted is called when an answer proves that WeChat honoured a token, with the time
	// when the request began; it may be nil.
	Accepted func(token string, sent time.Time)

	// IsHonoured reports whether WeChat honoured a token within the last 30 s, although it
	// refused it for one request; nil: it did whenever Replace returns the same token.
	IsHonoured func(token string) bool

	// IsDead reports whether WeChat refuses a token everywhere and there is no other one
	// yet; nil: no token is dead.
	IsDead func(token string) bool

	// SecretAccepted is called after a request with the AppSecret that went well, and
	// SecretRefused after one that WeChat answered with an errcode; both may be nil.
	SecretAccepted func()
	SecretRefused  func(errcode int, errmsg string)

	// Lend returns the token and how long it lives, for TokenReal.
	Lend func(wait time.Duration) (string, time.Duration, error)

	// Ticket returns a ticket of a type that is valid now.
	Ticket func(ticketType string, wait time.Duration) (string, error)

	// LendTicket returns a ticket that lives long enough for a caller to keep it, and how
	// long it lives.
	LendTicket func(ticketType string, wait time.Duration) (string, time.Duration, error)

	// Known appends the account's present and previous credentials to dst. No answer may
	// hold them, nor the credential that was sent with the request; nil: there are none.
	Known func(dst []string) []string

	// Authorized returns why a platform's account cannot be called for, as it has not, or no
	// longer, authorized the platform; nil: it can, or is a platform's no account.
	Authorized func() error

	kind     *kind
	platform *platform // that the account has authorized, or that it is; nil: it is of [[account]]
	id       virtual.ID
	filter   *secret.Filter
	closed   *closedapis.Set
	seen     *traffic.Seen[Client]
	signing  virtual.Keys // of virtual tokens for clients without a key
}

// A Kind is what the accounts of one kind have in common: its table, which has what
// WeChat's manual says of them, and what the configuration adds to that.
type Kind struct {
	Table         *accountkind.Kind
	Upstream      Upstream            // where its API is
	Hosts         []string            // hosts, in lower case, that an absolute-form request may name
	Routes        []accountkind.Route // they win over the table's
	TokenErrcodes []int               // an answer with one of these errcodes refuses the token
	Default       string              // name of the account for requests that are for the kind and name none; may be empty
}

// An Agent is the agent_id of a corp's application; zero: it has none.
type Agent = gettoken.Agent

// newAccounts returns the configured accounts, ready for requests. Each is together in
// memory with what requests read and count besides, and the names of all are in one piece
// of memory: with ten thousand accounts hardly any is in the processor's cache, and so a
// request waits for memory less often.
func newAccounts(configured []Account, deployment string) (accounts []*Account) {
	var names strings.Builder
	for _, a := range configured {
		names.WriteString(a.Name)
	}
	rest := names.String()
	for _, a := range configured {
		one := &struct {
			Account
			seen   traffic.Seen[Client]
			filter secret.Filter
		}{Account: a}
		one.Name, rest = rest[:len(a.Name)], rest[len(a.Name):]
		one.Account.seen, one.closed, one.id = &one.seen, new(closedapis.Set), virtual.IDOf(a.key())
		one.Account.filter = &one.filter
		one.filter.Start(a.Known)
		one.signing = virtual.Keys{virtual.NewKey(deployment, []byte(a.key()))}
		accounts = append(accounts, &one.Account)
	}
	return accounts
}

// honourEarlierBuild accepts virtual tokens that were signed with the AppSecret, as builds
// did without clients until November 2026: SDKs use the tokens that they have until these
// expire, also after an upgrade.
func (a *Account) honourEarlierBuild() {
	if a.Secret == nil {
		return
	}
	if secret, err := a.Secret(); err == nil {
		a.signing = append(a.signing, virtual.NewKey("wxproxy", []byte(secret)))
	}
}

// mustBeComplete panics if a table leaves something out that would make answers of the
// proxy say another thing than they mean, as an errcode of 0 does.
func mustBeComplete(k *accountkind.Kind) {
	r := &k.TokenRequest
	for _, errcode := range []int{r.NotPOST, r.BadGrant, r.NoAppID, r.BadAppID, r.NoSecret, r.BadSecret, r.BadData} {
		if len(k.TokenPaths) > 0 && errcode == 0 {
			panic("BUG: the table of " + k.Name + " has token paths and lacks an errcode of TokenRequest")
		}
	}
	if k.Name == "" || k.TokenParameter == "" || k.InvalidToken == 0 || k.ExpiredToken == 0 {
		panic("BUG: a table of a kind of accounts lacks its name, TokenParameter, InvalidToken or ExpiredToken")
	}
}

// An AccessLog is where the lines of the access log may go without slog, in the same
// form.
type AccessLog struct {
	Out    io.Writer // takes a line by each call, and keeps none of its bytes
	IsJSON bool
}
