package proxy

import (
	"bytes"
	"time"

	"wxproxy/proxy/internal/component"
	"wxproxy/proxy/internal/sites"
	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/traffic/apis"
)

// A lastTarget is what was found out about the last path and query that this exchange
// has read. Programs send the same ones again and again, since the proxy adds the token,
// by which they would differ. A request whose path and query are the same byte for byte
// needs neither parsing nor a look-up of its route. Who calls, and for which account, is
// decided anew for each request; where that makes another kind of accounts count, the
// route is looked up anew, too.
type lastTarget struct {
	valid               bool
	raw                 []byte // the path, followed by the query
	path                int    // how long the path is
	policy              []byte // the path as routes and rights are compared with it
	kind                *kind  // whose table has the route; nil: no route was looked up yet
	route               route
	host                []byte    // the last Host that the proxy answers to
	hasCredentialName   bool      // a parameter that WeChat gets has the name of a credential
	hasAccountParameter bool      // a parameter may name the account
	api                 *apis.API // which counts calls of the path; nil: it was not looked up yet
	token               string    // with which the message's target was built from this one; empty: it was not
}

// matches reports whether t is the last target, byte for byte.
func (r *lastTarget) matches(t *target.Target) bool {
	return r.valid && bytes.Equal(r.raw[:r.path], t.Path) && bytes.Equal(r.raw[r.path:], t.Query)
}

// read splits the request's target.
func (p *Proxy) read(x *exchange) error {
	t, r := &x.target, &x.last
	if err := t.Split(x.ctx.Request.Header.RequestURI(), p.hosts); err != nil {
		return refuse(badRequest, err.Error())
	}
	if !r.matches(t) {
		r.valid, r.kind, r.token, t.Policy = false, nil, "", r.policy
		err := t.Decode(p.tokenParameters)
		r.policy = t.Policy
		if err != nil {
			return refuse(badRequest, err.Error())
		}
		r.raw, r.path, r.valid = append(append(r.raw[:0], t.Path...), t.Query...), len(t.Path), true
	}
	t.Policy = r.policy
	return nil
}

// Refusals of browsers, as long as there are no clients. Then every program may call
// without a key, and so could any page of another site that makes a browser send a request.
var (
	errOtherSite = refuse(forbiddenPath, "a browser sent this for a page of another site (Origin, Sec-Fetch-Site), which without any [[client]] "+
		"nobody may; add a [[client]] to wxproxy's configuration and have the program show its key")
	errOtherHost       = refuse(forbiddenPath, otherHost+"use http://127.0.0.1 with the port, or add the name to proxy.hosts")
	errOtherSecureHost = refuse(forbiddenPath, otherHost+"use a name that the certificate has, and add it to proxy.hosts")
)

const otherHost = "without any [[client]] wxproxy answers on loopback only for an IP address, localhost, WeChat's own name or one of " +
	"proxy.hosts as Host: a page of another site could have made this name lead here (DNS rebinding); "

// refuseOtherSites refuses, as long as there are no clients, requests that a page of
// another site could have made a browser send.
func (p *Proxy) refuseOtherSites(x *exchange) error {
	if len(p.clients.byName) > 0 {
		return nil
	}
	err := p.checkHost(x)
	if sites.IsOther(x.fields.origin, x.fields.site, x.fields.host) {
		return errOtherSite
	}
	return err
}

// checkHost refuses, on loopback, a Host that another site could have.
func (p *Proxy) checkHost(x *exchange) error {
	host := x.fields.host
	if !x.caller.OnLoopback() || len(host) == 0 || x.ctx.Request.Header.RequestURI()[0] != '/' {
		return nil // browsers always send Host, and never write WeChat's host into the target
	}
	if bytes.Equal(host, x.last.host) {
		return nil
	}
	if !p.hostNames.Has(host) {
		return x.otherHost()
	}
	x.last.host = append(x.last.host[:0], host...)
	return nil
}

// otherHost returns the refusal of the request's Host.
func (x *exchange) otherHost() error {
	if x.ctx.IsTLS() {
		return errOtherSecureHost
	}
	return errOtherHost
}

// admitVirtual takes the client and the account from the virtual token in the query, and
// reports whether there is one. On a path that takes the caller's own credential it
// refuses a virtual token, which WeChat would not know.
func (p *Proxy) admitVirtual(x *exchange) (found bool, err error) {
	for rest := x.target.Query; ; found = true {
		var text []byte
		if text, rest = target.ValueWithPrefix(rest, x.kind.tokenNames, virtual.Prefix); text == nil {
			return found, nil
		}
		last := &x.virtual
		switch {
		case x.route.traits.passesCallersCredential:
			return true, virtual.ErrMisplaced
		case found && bytes.Equal(text, x.virtual.Text):
			continue
		case found:
			last = new(virtual.LastToken)
		}
		a, c, err := p.verify(x, last, text)
		switch {
		case found && err == nil && (a != x.account || c != x.client):
			return true, errTwoTokens
		case !found:
			x.account, x.client = a, c
		}
		if err != nil {
			return true, err
		}
		if x.route.traits.forPlatform && !a.isComponent() {
			return true, refuseAsWeChat(x.kind.Table.Platform.WrongToken, "must use component token for component api (wxproxy: the virtual token is an account's)")
		}
	}
}

// errTwoTokens refuses two virtual tokens that are good, of which neither wins.
var errTwoTokens = refuse(badRequest, "the query holds virtual tokens of two accounts or two clients; leave one of them out")

// verify returns the client and the account of a virtual token, or an error if it is not
// good. Last remembers the token, so that the next request with it is quick.
func (p *Proxy) verify(x *exchange, last *virtual.LastToken, text []byte) (a *Account, c *Client, err error) {
	if err := last.Parse(text); err != nil {
		return nil, nil, err
	}
	if a, c = p.accountOf(&last.Token, x.began), &p.anyone; a == nil {
		return nil, nil, virtual.ErrForged
	}
	keys := a.signing
	if last.Token.Client != (virtual.ID{}) || len(p.clients.byID) > 0 {
		if c = p.clients.byID[last.Token.Client]; c == nil {
			return a, nil, virtual.ErrForged
		}
		if !p.doesNotContradict(x, c) {
			return a, c, virtual.ErrForged // another client has no use for it
		}
		if !c.isKeyless() {
			keys = c.signing
		}
	}
	return a, c, last.Check(keys, x.began)
}

// accountInToken returns the account that a virtual token in the query is for, or nil. The
// token is not verified: anybody could have written it.
func (p *Proxy) accountInToken(x *exchange) *Account {
	for _, k := range p.kinds {
		text, _ := target.ValueWithPrefix(x.target.Query, k.tokenNames, virtual.Prefix)
		if text != nil && x.virtual.Parse(text) == nil {
			return p.accountOf(&x.virtual.Token, x.began)
		}
	}
	return nil
}

// accountOf returns the account that a virtual token is for, or nil.
func (p *Proxy) accountOf(token *virtual.Token, now time.Time) *Account {
	a := p.byID[token.Account]
	if appID := token.AppID(); a != nil && len(appID) > 0 {
		if !a.isComponent() {
			return nil
		}
		return a.platform.account(appID, now)
	}
	return a
}

// checkPlatform refuses a body that names another platform than the one whose token is added.
func (x *exchange) checkPlatform(ask *component.Request) error {
	if ask.Component != "" && x.account != nil && ask.Component != x.account.AppID {
		return refuseAsWeChat(x.kind.Table.Platform.TokenRequest.BadAppID, "invalid appid (wxproxy: component_appid is another platform's)")
	}
	return nil
}
