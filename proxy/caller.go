package proxy

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"wxproxy/accountkind"
	"wxproxy/internal/secret"
)

// admit reads the request's target and decides who calls, for which account, and whether
// the caller may do so. What a path means, and how a caller can prove who it is there,
// depends on the kind of the account, and the account is known only after the caller is:
// a client that may use one account only need not name it. So the request is admitted
// once as one about the kind that it is probably about (kindOf), and if its account turns
// out to be of another kind, once more from the beginning as one about that kind.
func (p *Proxy) admit(x *exchange) error {
	if err := p.read(x); err != nil {
		return err
	}
	if err := p.refuseOtherSites(x); err != nil {
		return err
	}
	maxBody := x.maxBody
	for k := p.likelyKind(x); ; {
		x.routeAs(k)
		if err := p.admitCaller(x); err != nil || x.account == nil || x.account.kind == k {
			return err
		}
		k = x.account.kind
		x.client, x.account, x.authorizer, x.given, x.hasMembers, x.maxBody = nil, nil, nil, given{}, false, maxBody
	}
}

// admitCaller decides who calls, for which account, and whether the caller may do so, by
// the kind and the route that were found.
func (p *Proxy) admitCaller(x *exchange) error {
	if done, err := x.route.class.admit(p, x); done || err != nil {
		return err
	}
	found, err := p.admitVirtual(x)
	switch {
	case err != nil:
		x.tokenClient, x.client = x.client, nil // the token does not prove that it is this client
		return err
	case found:
		err = p.checkSameAccount(x)
	default:
		if x.client, err = p.client(x); x.hasMembers {
			return x.awaitBody(err)
		} else if err == nil {
			x.account, err = p.account(x)
		}
		if errors.Is(err, errSeveral) {
			return x.awaitPlatform()
		}
	}
	if err != nil {
		return err
	}
	return p.permit(x)
}

// permit returns an error if the client may not use the account or call the path.
func (p *Proxy) permit(x *exchange) error {
	if !x.client.mayUse(x.account) && !x.isAboutOwn() {
		return refuse(forbiddenAccount, "this client may not use the account "+x.account.Name)
	}
	return x.route.class.permit(p, x)
}

// permits reports whether the client may call the policy path.
func (c *Client) permits(policy []byte) bool {
	if accountkind.MatchesAny(c.Deny, policy) {
		return false
	}
	return len(c.Allow) == 0 || accountkind.MatchesAny(c.Allow, policy)
}

// permitToken returns an error if the client may not have a token. With a virtual token
// the client is held to its rights and its quota; with WeChat's own it could call WeChat
// itself, and go round them.
func (p *Proxy) permitToken(x *exchange) error {
	c, path := x.client, x.target.Policy
	switch {
	case p.config.TokenEndpoint != TokenReal && !accountkind.MatchesAny(c.Deny, path):
		return nil // SDKs cannot call anything without a token
	case !c.permits(path):
		return refuse(forbiddenPath, "the client "+c.Name+" may not call this path")
	case p.config.TokenEndpoint == TokenReal && c.isRestricted() && !slices.Contains(c.Allow, string(path)):
		return refuse(forbiddenPath, "the client "+c.Name+" is held to deny, rate or max_in_flight, and the real token (token_endpoint is \"real\") "+
			"would go round them; "+c.howToAllow(string(path)))
	}
	return nil
}

// howToAllow says which setting lets the client call path, and keeps what it may call
// already.
func (c *Client) howToAllow(path string) string {
	if len(c.Allow) == 0 {
		return `if it may have that all the same, write allow = ["/*", "` + path + `"]: the path alone would close all others`
	}
	return `if it may have that all the same, add "` + path + `" to its allow`
}

// isRestricted reports whether there are limits that WeChat's own token would go round.
func (c *Client) isRestricted() bool { return len(c.Deny) > 0 || c.quota != nil }

// mayStayOpen reports whether the caller's connection may stay open, and has it count as
// proven if the request proved who calls. A connection that has never done that ends with
// its first refusal, because callers without a key could otherwise take all of
// max_connections.
func (p *Proxy) mayStayOpen(x *exchange, err error) bool {
	c := x.caller
	if c == nil || c.IsProven() {
		return true
	}
	asks := p.asksForKeys()
	if p.isAuthenticated(x.client) && (asks || err == nil) && !c.IsSurplus() {
		c.Prove()
		return true
	}
	return err == nil || !asks
}

// isAuthenticated reports whether c, which may be nil, is a client that the caller proved
// to be, or whether there are no clients and nothing has to be proved.
func (p *Proxy) isAuthenticated(c *Client) bool {
	return c != nil && (c != &p.anyone || !p.asksForKeys())
}

// refusedClient returns the client whose request was refused, nil if it is not known.
func (p *Proxy) refusedClient(x *exchange, err error) *Client {
	if x.client == nil {
		c, _ := p.contradiction(x, err)
		return c
	}
	return x.client
}

// maxCertificateName is how many bytes of the name in a certificate its owner is told.
const maxCertificateName = 64

// strayCertificate says that the caller's certificate is good and yet no client's, if that
// is so; else "".
func (p *Proxy) strayCertificate(x *exchange) string {
	name := x.caller.CommonName()
	if name == "" || p.clients.certified(x.caller) != nil {
		return ""
	}
	if p.isSecret([]byte(name)) {
		name = secret.Mask
	}
	name = strings.ToValidUTF8(name[:min(len(name), maxCertificateName)], "?")
	return "; the certificate names " + strconv.Quote(name) + ", and no [[client]] has this name"
}

// asksForKeys reports whether there are clients, so that callers have to prove who they
// are.
func (p *Proxy) asksForKeys() bool { return len(p.clients.byName) > 0 }

// leaveQuota gives the request's place in the quota back, or leaves that to the end of the
// stream if its answer streams.
func (x *exchange) leaveQuota() {
	if !x.streams {
		x.client.quota.Leave()
	}
}

// mayUseOf reports whether the client may use the platform's account with an appid.
func (c *Client) mayUseOf(pl *platform, appID string) bool {
	return len(c.Accounts) == 0 || slices.ContainsFunc(c.Accounts, func(name string) bool {
		prefix, rest, _ := strings.Cut(name, ":")
		return name == pl.all || name == appID || prefix == pl.Account.Name && rest == appID
	})
}

// authorizerOf returns the account of the request's platform that a program's body names.
func (x *exchange) authorizerOf(appID string) (*Account, error) {
	l := x.account.platform
	if a := l.account([]byte(appID), x.began); a != nil {
		return a, nil
	}
	return nil, cmp.Or(l.unreadable([]byte(appID)),
		refuseAsWeChat(x.kind.Table.Platform.NotAuthorized, "component is not authorized by this account (wxproxy: the platform has never heard of it)"))
}

// permitAuthorizer returns an error if the client may not use an account of the platform.
func (x *exchange) permitAuthorizer(appID string) error {
	if x.client.mayUseOf(x.account.platform, appID) {
		return nil
	}
	return refuse(forbiddenAccount, "this client may not use the account that the request is about")
}
