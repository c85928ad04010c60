package proxy

import (
	"strings"

	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/wire"
)

// A givenValue is one value, such as the appid, of a request that can hold it in several
// places.
type givenValue struct {
	text      string // the first one; empty: none
	conflicts bool   // another place has another value
}

// add adds the value of one place. An empty one counts as none.
func (c *givenValue) add(text string) {
	switch {
	case c.text == "":
		c.text = text
	case text != "":
		c.conflicts = c.conflicts || text != c.text
	}
}

// Refusals of requests that name two accounts, so that neither wins, or one that is not
// there.
var (
	errTwoAccounts  = refuse(badRequest, "the request names two accounts, one by its appid and another one by its path prefix, by Wxproxy-Account or from_appid; leave one of them out")
	errTwoAppIDs    = refuse(badRequest, "the request gives two different values for appid, in its query or in its body; leave one of them out")
	errTwoFrom      = refuse(badRequest, "the request gives two different values for from_appid; leave one of them out")
	errTwoPlatforms = refuse(unknownAccount, "the account has authorized several platforms; name it as PLATFORM:APPID")
	errNobody       = refuse(unknownAccount, "no account has the name or app_id that the request gives")
)

// account chooses the account of a request: the one that it names, the client's
// only one, or the default. APIs of platforms have the platform.
func (p *Proxy) account(x *exchange) (*Account, error) {
	a, err := p.namedAccount(x)
	switch {
	case err != nil:
		return nil, err
	case x.route.Credential == credentialAuthorize:
		return p.platformOfPage(x, a)
	case a != nil:
		return x.asPlatform(a)
	case x.route.traits.forPlatform:
		return p.impliedPlatform(x)
	}
	if only := x.client.only; only != "" {
		switch a, err = p.find([]byte(only), x.began); {
		case err != nil:
			return nil, err
		case a == nil:
			return nil, errNobody
		}
		return x.asPlatform(a)
	}
	switch {
	case p.fallback != nil:
		return p.fallback, nil
	case x.route.PlatformFirst && len(p.platforms) > 0:
		return p.impliedPlatform(x)
	case len(p.platforms) > 0:
		return nil, refuse(unknownAccount, "no account is the default, and a platform never is; name the account by the path prefix /@APPID/ or the header Wxproxy-Account")
	}
	return nil, refuse(unknownAccount, "there are several accounts and none is the default; name one by the path prefix /@NAME/ or the header Wxproxy-Account")
}

// namedAccount returns the account that the request itself names, or nil: the one in its
// path, or else in its header, or else in its query. On paths where the proxy sets the
// appid, the caller's appid names an account as well, and has to name the same one.
func (p *Proxy) namedAccount(x *exchange) (a *Account, err error) {
	a, isNamed, err := p.addressedAccount(x)
	switch {
	case err != nil:
		return nil, err
	case isNamed && a == nil:
		return nil, errNobody
	}
	sent, err := p.givenAccount(x, isNamed)
	switch {
	case err != nil || sent == nil:
		return a, err
	case p.namesAnother(x, sent):
		return nil, errTwoAccounts
	}
	return sent, nil
}

// addressedAccount reports whether the request names an account by its path, header or
// query, and returns the account of the first of these names, or nil if it has none.
func (p *Proxy) addressedAccount(x *exchange) (a *Account, isNamed bool, err error) {
	switch {
	case x.target.Selector != nil:
		a, err = p.find(x.target.Selector, x.began)
		return a, true, err
	case len(x.fields.account) > 0:
		a, err = p.find(x.fields.account, x.began)
		return a, true, err
	}
	from := x.fromAppID()
	if from.conflicts {
		return nil, true, errTwoFrom
	}
	if from.text != "" {
		a, err = p.find([]byte(from.text), x.began)
	}
	return a, from.text != "", err
}

// fromAppID returns the account's name in the query.
func (x *exchange) fromAppID() (from givenValue) {
	if x.kind != nil && x.last.hasAccountParameter {
		target.EachNamed(x.target.Query, x.kind.Table.OwnParameters, func(_, value string) { from.add(value) })
	}
	return from
}

// namesAnother reports whether the path, the header or the query names another account
// than a.
func (p *Proxy) namesAnother(x *exchange, a *Account) bool {
	if x.target.Selector != nil && !p.means(x, x.target.Selector, a) {
		return true
	}
	if len(x.fields.account) > 0 && !p.means(x, x.fields.account, a) {
		return true
	}
	from := x.fromAppID()
	return from.conflicts || from.text != "" && !p.means(x, []byte(from.text), a)
}

// means reports whether name means the account a. For APIs of platforms the name of an
// account means its platform.
func (p *Proxy) means(x *exchange, name []byte, a *Account) bool {
	named, err := p.find(name, x.began)
	if err != nil || named == nil {
		return false
	}
	return named == a || x.route != nil && x.route.traits.forPlatform && a.isComponent() && named.platform == a.platform
}

// givenAccount returns the account whose appid the caller sends on a path where the proxy
// sets it. It returns nil if the caller sends none, or a placeholder beside another name
// of the account; without clients, a placeholder alone stands for the default account.
func (p *Proxy) givenAccount(x *exchange, isNamed bool) (*Account, error) {
	appID := &x.given.appID
	if appID.text == "" {
		return nil, nil
	}
	a, err := p.find([]byte(appID.text), x.began)
	switch {
	case err != nil:
		return nil, err
	case appID.conflicts:
		return nil, errTwoAppIDs
	case a != nil:
		return a, nil
	case isPlaceholder(appID.text) && (isNamed || len(p.clients.byName) == 0):
		return nil, nil
	}
	return nil, errNobody
}

// isPlaceholder reports whether an appid is a mere word such as "APPID", or the
// "touristappid" of WeChat's own tools. An appid that has a digit or begins with "wx", as
// WeChat's do, may be a real one that was copied wrongly.
func isPlaceholder(appID string) bool {
	isOther := func(r rune) bool { return !wire.IsASCIILetter(r) && r != '_' && r != '-' }
	return !strings.ContainsFunc(appID, isOther) && !strings.EqualFold(appID[:min(len(appID), 2)], "wx")
}

// chooseAccount chooses the account of a request, if no virtual token has done so. If one
// has, the request must agree.
func (p *Proxy) chooseAccount(x *exchange) (err error) {
	if x.account != nil {
		return p.checkSameAccount(x)
	}
	x.account, err = p.account(x)
	return err
}

// checkSameAccount refuses a request whose virtual token, which is good, is for another
// account than it names besides: one of both is a mistake, and neither wins.
func (p *Proxy) checkSameAccount(x *exchange) error {
	namesAnother := p.namesAnother(x, x.account)
	sent, err := p.givenAccount(x, true)
	if err != nil {
		return err
	}
	if (sent == nil || sent == x.account) && !namesAnother {
		return p.noteAuthorizer(x)
	}
	return refuse(badRequest, "the virtual token in access_token is for the account "+x.account.Name+
		", and the request names another one by its path prefix, by Wxproxy-Account, from_appid or appid; leave one of them out")
}
