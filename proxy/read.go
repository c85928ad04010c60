package proxy

import (
	"bytes"
	"net/netip"

	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/wire"
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
	host                []byte // the last Host that the proxy answers to
	hasCredentialName   bool   // a parameter that WeChat gets has the name of a credential
	hasAccountParameter bool   // a parameter may name the account
	token               string // with which the message's target was built from this one; empty: it was not
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
	if x.fields.isOfOtherSite() {
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
	if !p.answersTo(host) {
		return x.otherHost()
	}
	x.last.host = append(x.last.host[:0], host...)
	return nil
}

// isOfOtherSite reports whether the header is one that a browser sends for a page that
// another host has served.
func (f *fields) isOfOtherSite() bool {
	if f.site != nil && !wire.IsFold(f.site, "same-origin") && !wire.IsFold(f.site, "none") {
		return true
	}
	if f.origin == nil {
		return false
	}
	scheme, authority, found := bytes.Cut(f.origin, []byte("://"))
	isHTTP := found && (wire.IsFold(scheme, "http") || wire.IsFold(scheme, "https"))
	return !isHTTP || !wire.SameName(authority, f.host)
}

// otherHost returns the refusal of the request's Host.
func (x *exchange) otherHost() error {
	if x.ctx.IsTLS() {
		return errOtherSecureHost
	}
	return errOtherHost
}

// answersTo reports whether host is a name that no other site can have.
func (p *Proxy) answersTo(host []byte) bool {
	name := hostName(host)
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "localhost" || p.hostNames[name]
}

// hostName returns a host in lower case, without its port, its brackets and a dot at its
// end.
func hostName(host []byte) string {
	if len(host) > 0 && host[0] == '[' {
		host, _, _ = bytes.Cut(host[1:], []byte("]"))
	} else {
		host, _, _ = bytes.Cut(host, []byte(":"))
	}
	return string(bytes.ToLower(bytes.TrimSuffix(host, []byte("."))))
}

// hostNames returns the names of all hosts in lists, without their ports.
func hostNames(lists ...[]string) map[string]bool {
	names := map[string]bool{}
	for _, list := range lists {
		for _, host := range list {
			names[hostName([]byte(host))] = true
		}
	}
	return names
}
