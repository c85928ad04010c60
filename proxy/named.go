package proxy

import (
	"strings"

	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/wire"
)

// A givenValue is what a request says about one thing, wherever it says it.
type givenValue struct {
	text      string // what is said first; empty: nothing
	conflicts bool   // and something else is said, too
}

// add takes what is said in one place. Who says nothing disputes nothing.
func (c *givenValue) add(text string) {
	switch {
	case c.text == "":
		c.text = text
	case text != "":
		c.conflicts = c.conflicts || text != c.text
	}
}

// How a request is refused that names two accounts, of which neither wins.
var (
	errTwoAccounts = refuse(badRequest, "the request names two accounts, one by its appid and another one by its path prefix, by Wxproxy-Account or from_appid; leave one of them out")
	errTwoAppIDs   = refuse(badRequest, "the request gives two different values for appid, in its query or in its body; leave one of them out")
	errTwoFrom     = refuse(badRequest, "the request gives two different values for from_appid; leave one of them out")
	errNobody      = refuse(unknownAccount, "no account has the name or app_id that the request gives")
)

// account chooses the account of a request: the one that it names, the client's
// only one, or the default.
func (p *Proxy) account(x *exchange) (*Account, error) {
	a, err := p.namedAccount(x)
	if a != nil || err != nil {
		return a, err
	}
	if only := x.client.Accounts; len(only) == 1 {
		if a = p.accounts[only[0]]; a == nil {
			return nil, errNobody
		}
		return a, nil
	}
	if p.fallback == nil {
		return nil, refuse(unknownAccount, "there are several accounts and none is the default; name one by the path prefix /@NAME/ or the header Wxproxy-Account")
	}
	return p.fallback, nil
}

// namedAccount returns the account that the request itself names: by its path,
// else by its header, else by its query, and where the proxy sets the appid, by the
// one that the caller sends, which has to agree. The account is nil if none is named.
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

// addressedAccount returns the account of the name that the request gives first, nil
// if nobody has it, and whether it gives one.
func (p *Proxy) addressedAccount(x *exchange) (a *Account, isNamed bool, err error) {
	switch {
	case x.target.Selector != nil:
		return p.accounts[string(x.target.Selector)], true, nil
	case len(x.fields.account) > 0:
		return p.accounts[string(x.fields.account)], true, nil
	}
	from := x.fromAppID()
	if from.conflicts {
		return nil, true, errTwoFrom
	}
	return p.accounts[from.text], from.text != "", nil
}

func (x *exchange) fromAppID() (from givenValue) {
	if x.last.hasAccountParameter {
		target.EachNamed(x.target.Query, x.kind.Table.OwnParameters, func(_, value string) { from.add(value) })
	}
	return from
}

// namesAnother reports whether one of the names that the request gives, whichever
// comes first, is not a's.
func (p *Proxy) namesAnother(x *exchange, a *Account) bool {
	if x.target.Selector != nil && p.accounts[string(x.target.Selector)] != a {
		return true
	}
	if len(x.fields.account) > 0 && p.accounts[string(x.fields.account)] != a {
		return true
	}
	from := x.fromAppID()
	return from.conflicts || from.text != "" && p.accounts[from.text] != a
}

// givenAccount returns the account whose appid the caller sends where the proxy sets
// it, nil if it sends none, or a placeholder that something else stands for: another
// name, or, without clients, the default.
func (p *Proxy) givenAccount(x *exchange, isNamed bool) (*Account, error) {
	appID := &x.given.appID
	switch a := p.accounts[appID.text]; {
	case appID.text == "":
		return nil, nil
	case appID.conflicts:
		return nil, errTwoAppIDs
	case a != nil:
		return a, nil
	case isPlaceholder(appID.text) && (isNamed || len(p.clients.byName) == 0):
		return nil, nil
	}
	return nil, errNobody
}

// isPlaceholder reports whether an appid is a word that was never meant as one, as
// "APPID", or the "touristappid" of WeChat's own tools. What has a digit, or whatever
// else is no letter, or begins as WeChat's do, may be an appid that was copied wrongly.
func isPlaceholder(appID string) bool {
	isOther := func(r rune) bool { return !wire.IsASCIILetter(r) && r != '_' && r != '-' }
	return !strings.ContainsFunc(appID, isOther) && !wire.IsFold([]byte(appID[:min(len(appID), 2)]), "wx")
}

// mustAgree refuses a request whose virtual token, which is good, is for another
// account than it names besides: one of both is a mistake, and neither wins.
func (p *Proxy) mustAgree(x *exchange) error {
	sent, err := p.givenAccount(x, true)
	if err != nil {
		return err
	}
	if (sent == nil || sent == x.account) && !p.namesAnother(x, x.account) {
		return nil
	}
	return refuse(badRequest, "the virtual token in access_token is for the account "+x.account.Name+
		", and the request names another one by its path prefix, by Wxproxy-Account, from_appid or appid; leave one of them out")
}
