package proxy

import (
	"bytes"
	"net/netip"
	"slices"

	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/wire"
)

// A last is what became of the last path and query that could be read. Programs
// ask for the same ones again and again: the token, which changes, is not theirs to
// write, and neither need the account be the same.
type lastTarget struct {
	valid               bool
	raw                 []byte // the path, and the query behind it
	path                int    // how long the path is
	policy              []byte
	kind                *kind // as whose the route was found; nil: none was
	route               route
	host                []byte // the last Host that the proxy answers to
	hasCredentialName   bool   // a parameter that WeChat gets is called like a credential
	hasAccountParameter bool   // a parameter may name the account
	token               string // the message's target is the same with token; empty: it is another
}

func (r *lastTarget) matches(t *target.Target) bool {
	return r.valid && bytes.Equal(r.raw[:r.path], t.Path) && bytes.Equal(r.raw[r.path:], t.Query)
}

// read takes the request's target apart and finds its kind and its route.
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
	x.routeAs(p.kindOf(x))
	return nil
}

// kindOf returns the kind of accounts that a request is about, as far as its header says
// at a glance: that of the account that it names or has a virtual token for, or else the
// one that has its host, or that answers its path itself, or else the default's. Who the
// caller is may name another account, whose kind counts then.
func (p *Proxy) kindOf(x *exchange) *kind {
	if len(p.kinds) == 1 {
		return p.kinds[0]
	}
	if a, isNamed, err := p.addressedAccount(x); a != nil && isNamed && err == nil {
		return a.kind
	}
	if a := p.accountInToken(x); a != nil {
		return a.kind
	}
	for _, k := range p.kinds {
		if target.NamesHost(x.ctx.Request.Header.RequestURI(), k.Hosts) {
			return k
		}
	}
	for _, k := range p.kinds {
		if slices.Contains(k.Table.TokenPaths, string(x.target.Policy)) {
			return k
		}
	}
	if p.fallback != nil {
		return p.fallback.kind
	}
	return p.kinds[0]
}

// routeAs finds the request's route, as one about accounts of that kind.
func (x *exchange) routeAs(k *kind) {
	if r, t := &x.last, &x.target; r.kind != k {
		r.kind, r.route, r.token = k, k.route(t.Policy), ""
		r.hasCredentialName = namesCredential(t.Query, r.route.class.removes(k.Table))
		_, r.hasAccountParameter = target.QueryValue(t.Query, k.Table.AccountParameter)
		r.hasAccountParameter = r.hasAccountParameter || r.route.Names.AppID != ""
	}
	x.kind, x.route = x.last.kind, x.last.route
}

// namesCredential reports whether a parameter that is not removed is called like a
// credential.
func namesCredential(query []byte, removed []string) bool {
	for name := range target.Parts(query) {
		if target.IsCredentialName(name) && !target.IsNamedAny(name, removed) {
			return true
		}
	}
	return false
}

// How a browser is refused that nobody can be told from: without clients every
// program is let in, and a browser sends what any page makes it send.
var (
	errOtherSite = refuse(forbiddenPath, "a browser sent this for a page of another site (Origin, Sec-Fetch-Site), which without any [[client]] "+
		"nobody may; add a [[client]] to wxproxy's configuration and have the program show its key")
	errOtherHost       = refuse(forbiddenPath, otherHost+"use http://127.0.0.1 with the port, or add the name to proxy.hosts")
	errOtherSecureHost = refuse(forbiddenPath, otherHost+"use a name that the certificate has, and add it to proxy.hosts")
)

const otherHost = "without any [[client]] wxproxy answers on loopback only for an IP address, localhost, WeChat's own name or one of " +
	"proxy.hosts as Host: a page of another site could have made this name lead here (DNS rebinding); "

// refuseOtherSites refuses, as long as there are no clients, what a page of another site
// could have made a browser send.
func (p *Proxy) refuseOtherSites(x *exchange) error {
	if len(p.clients.byName) > 0 {
		return nil
	}
	f := &x.fields
	if f.isOfOtherSite() {
		return errOtherSite
	}
	if !x.caller.OnLoopback() || len(f.host) == 0 || x.ctx.Request.Header.RequestURI()[0] != '/' {
		return nil // no browser is without Host; who names WeChat's host in the target means that
	}
	if bytes.Equal(f.host, x.last.host) {
		return nil
	}
	if !p.answersTo(f.host) {
		return x.otherHost()
	}
	x.last.host = append(x.last.host[:0], f.host...)
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
	return !isHTTP || !wire.EqualFold(authority, f.host)
}

// otherHost returns why the request's Host is not answered to.
func (x *exchange) otherHost() error {
	if x.ctx.IsTLS() {
		return errOtherSecureHost
	}
	return errOtherHost
}

// answersTo reports whether no site can have host for its name.
func (p *Proxy) answersTo(host []byte) bool {
	name := hostName(host)
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "localhost" || p.hostNames[name]
}

// hostName returns a host in lower case, without its port, brackets, or the dot
// that can end it.
func hostName(host []byte) string {
	if len(host) > 0 && host[0] == '[' {
		host, _, _ = bytes.Cut(host[1:], []byte("]"))
	} else {
		host, _, _ = bytes.Cut(host, []byte(":"))
	}
	return string(bytes.ToLower(bytes.TrimSuffix(host, []byte("."))))
}

// hostNames returns the names of hosts, whatever ports they have.
func hostNames(hosts ...[]string) map[string]bool {
	names := map[string]bool{}
	for _, list := range hosts {
		for _, host := range list {
			names[hostName([]byte(host))] = true
		}
	}
	return names
}
