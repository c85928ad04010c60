package proxy

import (
	"strings"
	"time"

	"wxproxy/internal/lograte"
	"wxproxy/proxy/internal/closedapis"
	"wxproxy/proxy/internal/virtual"
)

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
