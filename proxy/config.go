package proxy

import (
	"crypto/tls"
	"log/slog"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/internal/lograte"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/closedapis"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/upstream"
)

// Upstream sends a request to WeChat and reads the answer into resp. *[Hosts]
// implements it.
type Upstream interface {
	// Send returns when the answer is in resp, all of it or its header and a
	// stream of its body. An answer that refuses a token is always there in full.
	// The error is one of the reasons that begin with Err.
	Send(m *upstream.Message, resp *fasthttp.Response) error
}

// BodyFilesShare says which part of all files that may be open bodies take at most.
const BodyFilesShare = body.FilesShare

// Config says what a Proxy serves.
type Config struct {
	Accounts      []Account
	Default       string        // name of the account of callers that name none; may be empty
	Clients       []Client      // none: callers need no key
	TokenEndpoint TokenEndpoint // what callers get who ask for a token
	Deployment    string        // whose virtual tokens are good here: those of another are not
	HostNames     []string      // further names by which callers without a key may know a proxy on loopback
	TokenWait     time.Duration // how long a request waits for a token when there is none
	CallersTLS    *tls.Config   // how callers are spoken to now; nil: in plain text
	Log           *slog.Logger
	MemoryLimit   int64               // of the process, which bounds what bodies may take; 0: none
	LogAccess     bool                // log one line per request, and give each an id; at debug level it is logged anyway
	Counts        *traffic.Counts     // nil: nothing is counted
	Ready         func(all bool) bool // whether requests to one account can be answered, or to all; nil: they can

	// IsSecret reports whether a word is a secret that the log must not show, of those
	// that are not the clients'; nil: none is. It is asked while a line is written.
	IsSecret func(word []byte) bool
}

// Tokens hands out the access token of one account.
type Tokens interface {
	// Token returns a token that is valid now, waiting for one at most that long.
	Token(wait time.Duration) (string, error)

	// Replace returns the token to use instead of refused, or refused itself
	// when WeChat stands by it. An error means that no good token can be had.
	Replace(refused string, wait time.Duration) (string, error)
}

// An Account is a WeChat account that callers may use without its credential.
type Account struct {
	Name   string
	AppID  string
	Kind   *Kind
	Tokens Tokens
	Secret func() (string, error) // the AppSecret, for paths of class "secret"

	// Accepted is told that WeChat honoured a token in the answer to a request that
	// began at sent; nil: nobody wants to know.
	Accepted func(token string, sent time.Time)

	// Honours reports whether WeChat was seen to honour a token within the last 30 s
	// although it refused it somewhere; nil: whenever Tokens stands by it.
	Honours func(token string) bool

	// Dead reports whether WeChat refuses a token everywhere and there is no other one
	// yet; nil: nobody knows.
	Dead func(token string) bool

	// SecretAccepted is told that a request with the AppSecret went well,
	// SecretRefused with which errcode another one did not; nil: nobody wants to know.
	SecretAccepted func()
	SecretRefused  func(errcode int, errmsg string)

	// Lend returns the token and how long it lives, for TokenReal.
	Lend func(wait time.Duration) (string, time.Duration, error)

	// Ticket returns a ticket of this type that is valid now.
	Ticket func(ticketType string, wait time.Duration) (string, error)

	// LendTicket returns one that lives long enough to be kept, and how long.
	LendTicket func(ticketType string, wait time.Duration) (string, time.Duration, error)

	// Known appends the credentials that the account has and had last, which no
	// answer may hold besides the one that was just sent; nil: none.
	Known func(dst []string) []string

	kind    *kind
	id      virtual.ID
	filter  *credentialFilter
	closed  *closedapis.Set
	seen    *seenClients
	lent    *lograte.Line // says that the real token was handed out
	signing virtual.Keys  // of virtual tokens that no client's key signs
}

// A Kind is what the accounts of one kind have in common: what the manual says of
// them, and what the configuration makes of it.
type Kind struct {
	Table         *accountkind.Kind
	Upstream      Upstream            // where its API is
	Hosts         []string            // hosts, in lower case, that an absolute-form request may name
	Routes        []accountkind.Route // they win over the table's
	TokenErrcodes []int               // an answer with one of these errcodes refuses the token
}

// newAccounts returns the accounts as requests know them, each together in memory with
// what it counts, and their names one behind the other: of ten thousand accounts
// none is where the last request has just been.
func newAccounts(configured []Account, deployment string) (placed []*Account) {
	var names strings.Builder
	for _, a := range configured {
		names.WriteString(a.Name)
	}
	rest := names.String()
	for _, a := range configured {
		one := &struct {
			Account
			seen   seenClients
			filter credentialFilter
			lent   lograte.Line
		}{Account: a}
		one.Name, rest = rest[:len(a.Name)], rest[len(a.Name):]
		one.Account.seen, one.closed, one.id = &one.seen, new(closedapis.Set), virtual.IDOf(a.AppID)
		one.Account.lent = &one.lent
		one.Account.filter = &one.filter
		one.filter.start(&one.Account)
		one.signing = virtual.Keys{virtual.NewKey(deployment, []byte(a.AppID))}
		placed = append(placed, &one.Account)
	}
	return placed
}

// honourEarlierBuild has virtual tokens count that were signed with the AppSecret, as
// builds did until November 2026 without clients: an SDK that does not fetch again
// before the end that it was told must outlive the upgrade, too.
func (a *Account) honourEarlierBuild() {
	if a.Secret == nil {
		return
	}
	if secret, err := a.Secret(); err == nil {
		a.signing = append(a.signing, virtual.NewKey("wxproxy", []byte(secret)))
	}
}

// isDead reports whether to send token again is in vain.
func (a *Account) isDead(token string) bool { return a.Dead != nil && a.Dead(token) }

// isHonoured reports whether token is good although WeChat refused it somewhere.
func (a *Account) isHonoured(token string) bool { return a.Honours == nil || a.Honours(token) }
