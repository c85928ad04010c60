package proxy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/closedapis"
	"wxproxy/proxy/internal/lately"
	"wxproxy/proxy/traffic"
)

// A Platform is a third-party platform, with all accounts that have authorized it.
type Platform struct {
	// Account is the platform itself: AppID is its component_appid, Secret its AppSecret,
	// and Tokens has the component's token. It has neither Lend nor tickets. Its Kind is
	// that of the accounts that authorize it.
	Account Account

	// Authorizer returns an account that has authorized the platform, now or earlier, and
	// false for one of which the platform has never heard. It asks nobody. What the proxy
	// has of it is kept for as long as somebody calls for the account at least once a day,
	// so it has to follow what becomes of the account. Name, AppID and Kind are left empty.
	Authorizer func(appID string) (Account, bool)

	// Unreadable returns why nobody can tell whether the platform has heard of an account that
	// Authorizer does not return; nil: it has not. It may be nil itself.
	Unreadable func(appID string) error

	// Redeem returns what an authorization code yields, or has yielded already.
	Redeem func(code string, wait time.Duration) (Grant, error)

	// PreAuthCode returns a new code with which an authorization begins, and how long it
	// lives.
	PreAuthCode func(wait time.Duration) (code string, life time.Duration, err error)

	// AddressRefused is called when WeChat refused a call, for the platform or one of its
	// accounts, for the address that it came from, and AddressAccepted after one that went
	// well; both may be nil.
	AddressRefused  func(errcode int, errmsg string)
	AddressAccepted func()
}

// The errors of a Platform's functions and of its accounts' Tokens may have methods that
// say what the caller gets: with
//
//   - NotAuthorized() bool, 503 not_authorized: the account has not, or no longer,
//     authorized the platform;
//   - NoTicket() bool, 503 no_ticket: the platform has no component_verify_ticket;
//   - RefusedCall() (errcode int, errmsg string, ok bool), WeChat's own answer;
//   - RetryAfter() time.Duration, 503 with that, as errors of Tokens do.
//
// Error is what the caller reads.

// A Grant is what an authorization code yields, but for the tokens, of which programs get
// virtual ones.
type Grant struct {
	AppID    string          // of the account
	FuncInfo json.RawMessage // func_info, as WeChat has it; empty: it is not known
}

// A platform is a Platform, ready for requests.
type platform struct {
	Platform
	component *Account // the platform itself
	all       string   // what clients' rights and the counts call its accounts
	known     lately.Map[Account]
	seen      traffic.Seen[Client] // of requests for its accounts
}

// addPlatforms adds the platforms, whose own accounts are components.
func (p *Proxy) addPlatforms(components []*Account) {
	for i, a := range components {
		a.platform = &platform{Platform: p.config.Platforms[i], component: a, all: a.Name + "/*"}
		p.platforms = append(p.platforms, a.platform)
	}
}

// account returns the account with an appid that has authorized the platform, now or
// earlier, or nil.
func (l *platform) account(appID []byte, now time.Time) *Account {
	if a := l.known.Get(appID, now); a != nil || len(appID) == 0 {
		return a
	}
	name := string(appID)
	configured, isKnown := l.Authorizer(name)
	if !isKnown {
		return nil
	}
	one := &struct {
		lately.Entry[Account]
		closed closedapis.Set
		filter secret.Filter
	}{Entry: lately.Entry[Account]{Value: configured}}
	a := &one.Value
	a.Name, a.AppID, a.platform, a.seen = name, name, l, &l.seen
	a.kind, a.signing, a.closed, a.filter = l.component.kind, l.component.signing, &one.closed, &one.filter
	a.filter.Start(a.Known)
	return l.known.Add(name, &one.Entry, now)
}

// find returns the account with a name or an app_id, or nil: one that is configured, or
// else one that has authorized a platform.
func (p *Proxy) find(name []byte, now time.Time) (found *Account, err error) {
	if a := p.accounts[string(name)]; a != nil || len(p.platforms) == 0 {
		return a, nil
	}
	prefix, appID, isQualified := bytes.Cut(name, []byte(":"))
	for _, pl := range p.platforms {
		switch {
		case !isQualified:
			appID = name
		case string(prefix) != pl.Account.Name:
			continue
		}
		a := pl.account(appID, now)
		switch {
		case a == nil && found == nil:
			err = cmp.Or(err, pl.unreadable(appID))
		case a == nil:
		case found != nil:
			return nil, errTwoPlatforms
		default:
			found, err = a, nil
		}
	}
	return found, err
}

// unreadable returns why nobody can tell whether there is an account of an appid.
func (l *platform) unreadable(appID []byte) (why error) {
	if l.Unreadable != nil && len(appID) > 0 {
		why = l.Unreadable(string(appID))
	}
	return why
}

// mayUse reports whether the client may use the account.
func (c *Client) mayUse(a *Account) bool {
	switch {
	case len(c.Accounts) == 0:
		return true
	case a.isAuthorizer():
		return c.mayUseOf(a.platform, a.AppID)
	case a.isComponent() && slices.Contains(c.Accounts, a.platform.all):
		return true
	}
	return slices.Contains(c.Accounts, a.Name)
}

// readRights finds out which of the client's accounts are configured ones.
func (p *Proxy) readRights(c *Client) {
	var configured []string
	for _, name := range c.Accounts {
		a := p.accounts[name]
		switch {
		case a != nil && !a.isComponent():
			configured = append(configured, name)
			_, several := a.kind.onlyOf[c]
			if a.kind.onlyOf[c] = a; several {
				a.kind.onlyOf[c] = nil
			}
		case a == nil && !strings.HasSuffix(name, "/*"):
			c.hasAppIDs = true
		}
	}
	switch {
	case len(c.Accounts) == 1 && (len(configured) == 1 || c.hasAppIDs):
		c.only = c.Accounts[0]
	case len(p.platforms) > 0 && len(configured) == 1:
		c.only = configured[0]
	}
}

// whyUnavailable returns the problem of a request for which there is no token.
func whyUnavailable(err error) problem {
	var unauthorized interface {
		error
		NotAuthorized() bool
	}
	var unfed interface {
		error
		NoTicket() bool
	}
	switch {
	case errors.As(err, &unauthorized) && unauthorized.NotAuthorized():
		return notAuthorized
	case errors.As(err, &unfed) && unfed.NoTicket():
		return noTicket
	}
	return tokenUnavailable
}
