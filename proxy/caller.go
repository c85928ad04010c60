package proxy

import (
	"bytes"
	"slices"

	"wxproxy/proxy/internal/wire"
)

// admit decides who calls, for which account, and whether they may.
func (p *Proxy) admit(x *exchange) error {
	if err := p.read(x); err != nil {
		return err
	}
	if err := p.refuseOtherSites(x); err != nil {
		return err
	}
	maxBody := x.maxBody
	err := p.admitCaller(x)
	if a := x.account; err == nil && a != nil && a.kind != x.kind {
		x.client, x.account, x.given, x.hasMembers, x.maxBody = nil, nil, given{}, false, maxBody
		x.routeAs(a.kind) // since who calls says for which account
		err = p.admitCaller(x)
	}
	return err
}

// admitCaller does so for the route that was found.
func (p *Proxy) admitCaller(x *exchange) error {
	if done, err := x.route.class.admit(p, x); done || err != nil {
		return err
	}
	found, err := p.admitVirtual(x)
	switch {
	case err != nil:
		x.tokenClient, x.client = x.client, nil // it is not who it says it is, or no longer
		return err
	case found:
		if err := p.mustAgree(x); err != nil {
			return err
		}
		return p.permit(x)
	case x.hasMembers:
		return p.awaitBody(x)
	}
	return p.admitNamed(x)
}

// admitNamed decides by what the caller shows and names, without a virtual token.
func (p *Proxy) admitNamed(x *exchange) (err error) {
	if x.client, err = p.client(x); err != nil {
		return err
	}
	if x.account, err = p.account(x); err != nil {
		return err
	}
	return p.permit(x)
}

// permit reports why the client may not use the account or call the path.
func (p *Proxy) permit(x *exchange) error {
	if c := x.client; len(c.Accounts) > 0 && !slices.Contains(c.Accounts, x.account.Name) {
		return refuse(forbiddenAccount, "this client may not use the account "+x.account.Name)
	}
	return x.route.class.permit(p, x)
}

// How those are refused who do not show a client's key. Who has a virtual token
// needs none.
var (
	errNoKey         = refuse(unauthenticated, `send the header "Authorization: Bearer KEY" with this program's key`)
	errUnknownKey    = refuse(unauthenticated, "no client has this key")
	errTwoKeys       = refuse(unauthenticated, "the request shows two different keys, in its query or in its body; show one")
	errTwoClients    = refuse(unauthenticated, "secret is another client's key than the header Authorization or the certificate proves; show one client's")
	errUnknownSecret = refuse(unauthenticated, "no client has this key: secret must be this program's client key, not the AppSecret, which stays in wxproxy")
)

// client returns the client that proves itself by its certificate, by
// "Authorization: Bearer KEY", or by its key in the place of the AppSecret, where
// SDKs send that.
func (p *Proxy) client(x *exchange) (*Client, error) {
	if len(p.clients.byName) == 0 {
		return &p.anyone, nil
	}
	c, err := p.clientOfHeader(x)
	given := &x.given.secret
	if err != nil || given.text == "" {
		return c, err
	}
	other, isKnown := p.clients.withKey([]byte(given.text), &x.key)
	switch {
	case c != nil && isKnown && other != c:
		return nil, errTwoClients
	case c != nil:
		return c, nil // SDKs send something in the place of the AppSecret
	case given.conflicts:
		return nil, errTwoKeys
	case !isKnown:
		return nil, errUnknownSecret
	}
	return other, nil
}

// clientOfHeader returns the client that proves itself by its certificate or by
// Authorization, nil if none does, which is an error unless a key is sent elsewhere.
func (p *Proxy) clientOfHeader(x *exchange) (*Client, error) {
	certified := p.clients.certified(x.caller)
	scheme, key, _ := bytes.Cut(x.fields.authorization, []byte(" "))
	if !wire.IsFold(scheme, "bearer") {
		if certified == nil && x.given.secret.text == "" {
			return nil, errNoKey
		}
		return certified, nil
	}
	switch c, ok := p.clients.withKey(key, &x.key); {
	case !ok:
		return nil, errUnknownKey
	case certified != nil && c != certified:
		return nil, refuse(unauthenticated, "the key is another client's than the certificate")
	default:
		return c, nil
	}
}

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

// permitToken reports why the client may not have the token. A virtual one is held
// to all that the client is held to; WeChat's own goes round it.
func (p *Proxy) permitToken(x *exchange) error {
	c, path := x.client, x.target.Policy
	switch {
	case p.config.TokenEndpoint != TokenReal && !pathList(c.Deny).match(path):
		return nil // without it the client could do nothing
	case !c.permits(path):
		return refuse(forbiddenPath, "the client "+c.Name+" may not call this path")
	case p.config.TokenEndpoint == TokenReal && c.isRestricted() && !slices.Contains(c.Allow, string(path)):
		return refuse(forbiddenPath, "the client "+c.Name+" is held to deny, rate or max_in_flight, and WeChat's own token (token_endpoint is \"real\") "+
			"would go round them; "+c.howToAllow(string(path)))
	}
	return nil
}

// howToAllow says how to let the client have path for sure, and no less than before.
func (c *Client) howToAllow(path string) string {
	if len(c.Allow) == 0 {
		return `if it may have that all the same, write allow = ["/*", "` + path + `"]: the path alone would close all others`
	}
	return `if it may have that all the same, add "` + path + `" to its allow`
}

// isRestricted reports whether the client may do less than its paths and accounts say.
func (c *Client) isRestricted() bool { return len(c.Deny) > 0 || c.quota != nil }
