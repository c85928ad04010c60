package proxy

import (
	"bytes"

	"wxproxy/accountkind"
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

func (r *reading) is(t *target) bool {
	return r.good && bytes.Equal(r.raw[:r.path], t.path) && bytes.Equal(r.raw[r.path:], t.query)
}

// read takes the request's target apart and finds its route.
func (p *Proxy) read(x *exchange) error {
	t, r := &x.target, &x.reading
	if err := t.split(x.ctx.Request.Header.RequestURI(), p.config.OwnHosts); err != nil {
		return refuse(badRequest, err.Error())
	}
	if !r.is(t) {
		r.good, r.token, t.policy = false, "", r.policy
		err := t.understand(accountkind.WeChat.TokenParameters)
		r.policy = t.policy
		if err != nil {
			return refuse(badRequest, err.Error())
		}
		r.raw, r.path = append(append(r.raw[:0], t.path...), t.query...), len(t.path)
		r.route, r.good = p.credentialOf(t.policy), true
		r.named, r.names = namesCredential(t.query, removed(r.route.Credential)), mayNameAccount(t.query, &r.route)
	}
	t.policy, x.route = r.policy, r.route
	return nil
}

// mayNameAccount reports whether a query, or the body behind it, can name an account.
func mayNameAccount(query []byte, route *accountkind.Route) bool {
	_, named := queryValue(query, accountkind.WeChat.AccountParameter)
	return named || route.Names.AppID != ""
}
