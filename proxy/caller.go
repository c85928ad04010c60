package proxy

import (
	"errors"
	"slices"
	"wxproxy/accountkind"
	"wxproxy/proxy/internal/quota"
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

// awaitBody leaves what a header has not said to the body: who calls, as SDKs send
// appid and secret in there, or for which account. Of a caller that is not known
// yet no more is read than these need.
func (p *Proxy) awaitBody(x *exchange) (err error) {
	x.client, err = p.client(x)
	if errors.Is(err, errNoKey) && x.bodyLength() <= smallBody {
		x.expectSmallBody()
		return nil
	}
	return err
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

// mayStayOpen reports whether the caller's connection may stay open: not after a
// refusal, if it has never shown who the client is. Strangers would hold
// max_connections with that.
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

// isAuthenticated reports whether c, which may be nil, is who the caller had to prove to be.
func (p *Proxy) isAuthenticated(c *Client) bool {
	return c != nil && (c != &p.anyone || !p.asksForKeys())
}

// asksForKeys reports whether callers have to prove who they are.
func (p *Proxy) asksForKeys() bool { return len(p.clients.byName) > 0 }

// A pathList is a client's list of path patterns.
type pathList []string

// match reports whether a pattern of the list matches the policy path.
func (l pathList) match(policy []byte) bool {
	for _, pattern := range l {
		if accountkind.Matches(pattern, policy) {
			return true
		}
	}
	return false
}

// permits reports whether the client may call the policy path.
func (c *Client) permits(policy []byte) bool {
	if pathList(c.Deny).match(policy) {
		return false
	}
	return len(c.Allow) == 0 || pathList(c.Allow).match(policy)
}

// enter waits until the client may make one request more. A nil error means that its
// quota is to be left when the request has ended.
func (c *Client) enter() error {
	err := c.quota.Enter()
	if err == nil {
		return nil // as nearly always, without an allocation
	}
	var exceeded *quota.ErrExceeded
	if !errors.As(err, &exceeded) {
		return err
	}
	detail := "the client " + c.Name + " makes more requests than its rate allows"
	if exceeded.InFlight {
		detail = "the client " + c.Name + " has max_in_flight requests under way"
	}
	return &failure{tooManyRequests, detail, exceeded.Wait}
}

// leaveQuota gives the request's place back, unless its answer needs it still.
func (x *exchange) leaveQuota() {
	if !x.streams {
		x.client.quota.Leave()
	}
}
