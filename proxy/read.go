package proxy

import (
	"bytes"
	"slices"
	"strings"

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
		err := t.Decode(accountkind.WeChat.TokenParameters)
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

// The credential classes of what the proxy answers itself, which cannot be configured.
const (
	credentialLocal  accountkind.Credential = "local"  // answered by the proxy, never forwarded
	credentialToken  accountkind.Credential = "token"  // the same, for those who want a token
	credentialHealth accountkind.Credential = "health" // the same, for who asks how the proxy is
	credentialClosed accountkind.Credential = "closed" // the proxy would answer it, and a configured route says that nobody may
)

// localRoutes are the paths that the proxy answers itself and never forwards.
func localRoutes(kind *accountkind.Kind) []accountkind.Route {
	routes := []accountkind.Route{
		{Pattern: accountkind.LivenessPath, Credential: credentialHealth},
		{Pattern: accountkind.ReadinessPath, Credential: credentialHealth},
		{Pattern: accountkind.OwnPrefix + "*", Credential: credentialLocal},
	}
	for _, path := range kind.TokenPaths {
		routes = append(routes, accountkind.Route{Pattern: path, Credential: credentialToken})
	}
	return routes
}

// A routeTable finds the Route of a path: an exact pattern first, then the
// longest prefix.
type routeTable struct {
	exact    map[string]accountkind.Route
	prefixes []accountkind.Route // longest first
}

func newRouteTable(rows []accountkind.Route) routeTable {
	t := routeTable{exact: map[string]accountkind.Route{}}
	for _, row := range rows {
		row.Pattern = accountkind.Normal(row.Pattern)
		if row.Credential == accountkind.CredentialSecret && row.Names == (accountkind.SecretNames{}) {
			row.Names = accountkind.WeChat.SecretNames
		}
		if strings.HasSuffix(row.Pattern, "*") {
			t.prefixes = append(t.prefixes, row)
		} else {
			t.exact[row.Pattern] = row
		}
	}
	slices.SortStableFunc(t.prefixes, func(a, b accountkind.Route) int { return len(b.Pattern) - len(a.Pattern) })
	return t
}

// find returns the Route of a policy path.
func (t *routeTable) find(policy []byte) (accountkind.Route, bool) {
	if row, ok := t.exact[string(policy)]; ok {
		return row, true
	}
	for _, row := range t.prefixes {
		if accountkind.Matches(row.Pattern, policy) {
			return row, true
		}
	}
	return accountkind.Route{}, false
}

// credentialOf returns the Route that decides about a policy path. What the
// proxy answers itself comes first, so that no configuration can send an
// AppSecret's own calls to WeChat: all that one can do is close it. Then come the
// configured routes, then the built-in ones, then class "app".
func (p *Proxy) credentialOf(policy []byte) accountkind.Route {
	builtin, known := p.builtin.find(policy)
	configured, isConfigured := p.configured.find(policy)
	local, isLocal := p.local.find(policy)
	switch {
	case isLocal && isConfigured && closes(configured, local):
		return accountkind.Route{Pattern: configured.Pattern, Credential: credentialClosed}
	case isLocal:
		return local
	case isConfigured && (!known || configured.Credential != builtin.Credential):
		return configured
	case known:
		return builtin // which knows the names of the parameters
	}
	return accountkind.Route{Credential: accountkind.CredentialApp}
}

// closes reports whether a configured route closes what the proxy would answer
// itself. Load balancers go on learning how the proxy is unless the route is about
// its own pages: "/*" is about the API.
func closes(configured, local accountkind.Route) bool {
	isOwn := local.Credential != credentialHealth || accountkind.IsAboutOwn(configured.Pattern)
	return configured.Credential == accountkind.CredentialDeny && isOwn
}
