package proxy

import (
	"cmp"

	"wxproxy/proxy/internal/gettoken"
	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/target"
)

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
	return p.impliedAccount(x)
}

// impliedAccount returns the account of a request that names none: the client's only one, or
// the default; at the host of a kind, that kind's.
func (p *Proxy) impliedAccount(x *exchange) (a *Account, err error) {
	k, fallback := p.kindByHost(x), p.fallback
	if only := x.client.only; only != "" {
		switch a, err = p.find([]byte(only), x.began); {
		case err != nil:
			return nil, err
		case a == nil:
			return nil, errNobody
		case k == nil || k == a.kind:
			return x.asPlatform(a)
		}
	}
	if k != nil {
		fallback = k.implied(x)
	}
	switch {
	case fallback != nil:
		return fallback, nil
	case x.route.PlatformFirst && len(p.platforms) > 0:
		return p.impliedPlatform(x)
	case k != nil:
		return nil, refuse(unknownAccount, "none of "+k.Table.Name+"'s accounts is the default; "+howToName)
	case len(p.platforms) > 0:
		return nil, refuse(unknownAccount, "no account is the default, and a platform never is; name the account by the path prefix /@APPID/ or the header Wxproxy-Account")
	}
	return nil, refuse(unknownAccount, "there are several accounts and none is the default; "+howToName)
}

const howToName = "name one by the path prefix /@NAME/ or the header Wxproxy-Account"

// namedAccount returns the account that the request itself names, or nil: the one in its
// path, or else in its header, or else in its query. On paths where the proxy sets the
// appid, the caller's appid names an account as well, and has to name the same one.
func (p *Proxy) namedAccount(x *exchange) (a *Account, err error) {
	a, isNamed, err := p.addressedAccount(x)
	switch {
	case err != nil:
		return nil, err
	case isNamed && a == nil:
		return nil, p.nobody(x)
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

// nobody returns the refusal of a request that names no account. The id of a corp that has several
// applications names none of them.
func (p *Proxy) nobody(x *exchange) error {
	name := string(x.target.Selector)
	if name == "" {
		name = cmp.Or(string(x.fields.account), x.fromAppID().Text)
	}
	if names := gettoken.Names(x.client.applications(p.corps[name])); names != "" {
		return refuse(unknownAccount, "the corp that the request names has several applications; name one of "+names)
	}
	return errNobody
}

// applications returns accounts of a corp as they are told to the client.
func (c *Client) applications(accounts []*Account) []gettoken.Application {
	all := make([]gettoken.Application, len(accounts))
	for i, a := range accounts {
		all[i] = gettoken.Application{Name: a.Name, Agent: a.Agent.ID, Usable: c.mayUse(a)}
	}
	return all
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
	if from.Conflicts {
		return nil, true, errTwoFrom
	}
	if from.Text != "" {
		a, err = p.find([]byte(from.Text), x.began)
	}
	return a, from.Text != "", err
}

// fromAppID returns the account's name in the query.
func (x *exchange) fromAppID() (from members.Value) {
	if x.kind != nil && x.last.hasAccountParameter {
		target.EachNamed(x.target.Query, x.kind.Table.OwnParameters, func(_, value string) { from.Add(value) })
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
	return from.Conflicts || from.Text != "" && !p.means(x, []byte(from.Text), a)
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
	if appID.Text == "" {
		return nil, nil
	}
	a, err := p.find([]byte(appID.Text), x.began)
	switch {
	case err != nil:
		return nil, err
	case appID.Conflicts:
		return nil, errTwoAppIDs
	case a != nil:
		return a, nil
	case members.IsPlaceholder(appID.Text) && (isNamed || len(p.clients.byName) == 0):
		return nil, nil
	}
	return nil, errNobody
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
