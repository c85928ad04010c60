package proxy

import (
	"bytes"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/target"
)

// A reading is what became of the last path and query that could be read. Programs
// ask for the same ones again and again: the token, which changes, is not theirs to
// write, and neither need the account be the same.
type reading struct {
	good   bool
	raw    []byte // the path, and the query behind it
	path   int    // how long the path is
	policy []byte
	route  accountkind.Route
	host   []byte // the last Host that the proxy answers to
	named  bool   // a parameter that WeChat gets is called like a credential
	names  bool   // a parameter may name the account
	token  string // the message's target is the same with token; empty: it is another
}

func (r *reading) is(t *target.Target) bool {
	return r.good && bytes.Equal(r.raw[:r.path], t.Path) && bytes.Equal(r.raw[r.path:], t.Query)
}

// read takes the request's target apart and finds its route.
func (p *Proxy) read(x *exchange) error {
	t, r := &x.target, &x.reading
	if err := t.Split(x.ctx.Request.Header.RequestURI(), p.config.OwnHosts); err != nil {
		return refuse(badRequest, err.Error())
	}
	if !r.is(t) {
		r.good, r.token, t.Policy = false, "", r.policy
		err := t.Understand(accountkind.WeChat.TokenParameters)
		r.policy = t.Policy
		if err != nil {
			return refuse(badRequest, err.Error())
		}
		r.raw, r.path = append(append(r.raw[:0], t.Path...), t.Query...), len(t.Path)
		r.route, r.good = p.credentialOf(t.Policy), true
		r.named, r.names = namesCredential(t.Query, removed(r.route.Credential)), mayNameAccount(t.Query, &r.route)
	}
	t.Policy, x.route = r.policy, r.route
	return nil
}

// mayNameAccount reports whether a query, or the body behind it, can name an account.
func mayNameAccount(query []byte, route *accountkind.Route) bool {
	_, named := target.QueryValue(query, accountkind.WeChat.AccountParameter)
	return named || route.Names.AppID != ""
}
