package proxy

import (
	"slices"
	"strings"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/target"
)

// A kind is a Kind with its routes in tables that are quick to search.
type kind struct {
	Kind
	local, configured, builtin routeTable
}

func newKind(k *Kind) *kind {
	mustBeComplete(k.Table)
	return &kind{
		Kind:       *k,
		local:      newRouteTable(localRoutes(k.Table), k.Table),
		configured: newRouteTable(k.Routes, k.Table),
		builtin:    newRouteTable(k.Table.Routes, k.Table),
	}
}

// refuses reports whether an answer with errcode refuses the access token.
func (k *kind) refuses(errcode int) bool {
	return errcode != 0 && slices.Contains(k.TokenErrcodes, errcode)
}

// addKinds adds the kinds of the accounts to the proxy, each once, and to the accounts.
func (p *Proxy) addKinds(accounts []*Account) {
	known := map[*Kind]*kind{}
	for _, a := range accounts {
		k := known[a.Kind]
		if k == nil {
			k = newKind(a.Kind)
			known[a.Kind] = k
			p.kinds = append(p.kinds, k)
			p.hosts = append(p.hosts, k.Hosts...)
			p.tokenParameters = append(p.tokenParameters, k.Table.TokenParameters...)
		}
		a.kind = k
	}
	if p.likelyKind = p.findLikelyKind; len(p.kinds) == 1 {
		p.likelyKind = func(*exchange) *kind { return p.kinds[0] }
	}
}

// The credential classes of what the proxy answers itself, which cannot be configured.
const (
	credentialLocal  accountkind.Credential = "local"  // answered by the proxy, never forwarded
	credentialToken  accountkind.Credential = "token"  // likewise, for programs that ask for a token
	credentialHealth accountkind.Credential = "health" // likewise, for load balancers that ask how the proxy is
	credentialClosed accountkind.Credential = "closed" // the proxy would answer it, but a configured route denies it
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

// A route is a Route with the type of its class.
type route struct {
	accountkind.Route
	class  class
	traits traits // of the class
}

func newRoute(pattern string, c accountkind.Credential) route {
	return typed(accountkind.Route{Pattern: pattern, Credential: c})
}

func typed(r accountkind.Route) route {
	c := classOf(r)
	return route{r, c, c.traits()}
}

// A routeTable finds the route of a path: an exact pattern first, then the
// longest prefix.
type routeTable struct {
	exact    map[string]route
	prefixes []route // longest first
}

func newRouteTable(rows []accountkind.Route, k *accountkind.Kind) routeTable {
	t := routeTable{exact: map[string]route{}}
	for _, row := range rows {
		row.Pattern = accountkind.Normal(row.Pattern)
		if row.Credential == accountkind.CredentialPlatform || row.InBody {
			row = accountkind.Route{Pattern: row.Pattern, Credential: accountkind.CredentialDeny} // there is no platform
		}
		if row.Credential == accountkind.CredentialSecret && row.Names == (accountkind.SecretNames{}) {
			row.Names = k.SecretNames
		}
		row := typed(row)
		if strings.HasSuffix(row.Pattern, "*") {
			t.prefixes = append(t.prefixes, row)
		} else {
			t.exact[row.Pattern] = row
		}
	}
	slices.SortStableFunc(t.prefixes, func(a, b route) int { return len(b.Pattern) - len(a.Pattern) })
	return t
}

// find returns the route of a policy path.
func (t *routeTable) find(policy []byte) (route, bool) {
	if row, ok := t.exact[string(policy)]; ok {
		return row, true
	}
	for _, row := range t.prefixes {
		if accountkind.Matches(row.Pattern, policy) {
			return row, true
		}
	}
	return route{}, false
}

// route returns the route of a policy path: one that the proxy answers itself, or else a
// configured one, or else a built-in one, or else class "app". As the first come before
// the configured ones, no configuration can forward a request for a token to WeChat; it
// can only deny that path.
func (k *kind) route(policy []byte) route {
	builtin, known := k.builtin.find(policy)
	configured, isConfigured := k.configured.find(policy)
	local, isLocal := k.local.find(policy)
	switch {
	case isLocal && isConfigured && closes(configured, local):
		return newRoute(configured.Pattern, credentialClosed)
	case isLocal:
		return local
	case isConfigured && (!known || configured.Credential != builtin.Credential):
		return configured
	case known:
		return builtin // it has the names of the parameters
	}
	return newRoute("", accountkind.CredentialApp)
}

// closes reports whether a configured route denies a path that the proxy would answer
// itself. The health pages are denied only by a route about the proxy's own pages: "/*" is
// about the API, and load balancers still get their answer.
func closes(configured, local route) bool {
	isOwn := local.Credential != credentialHealth || accountkind.IsAboutOwn(configured.Pattern)
	return configured.Credential == accountkind.CredentialDeny && isOwn
}

// routeAs looks the request's route up in the tables of kind k.
func (x *exchange) routeAs(k *kind) {
	if r, t := &x.last, &x.target; r.kind != k {
		r.kind, r.route, r.token = k, k.route(t.Policy), ""
		r.hasCredentialName = target.NamesCredential(t.Query, r.route.class.removes(k.Table))
		_, r.hasAccountParameter = target.QueryValue(t.Query, k.Table.AccountParameter)
		r.hasAccountParameter = r.hasAccountParameter || r.route.Names.AppID != ""
	}
	x.kind, x.route = x.last.kind, &x.last.route
}

// findLikelyKind returns the kind of accounts that a request is probably about, by what is quick to
// see in its header: the kind of the account that it names or has a virtual token for, or
// else the kind that has its host, or the one whose programs ask for a token at its path,
// or else the kind of the default account. If the account, which is decided later, is of
// another kind, admit begins again with that.
func (p *Proxy) findLikelyKind(x *exchange) *kind {
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
