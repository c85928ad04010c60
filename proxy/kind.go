package proxy

import (
	"slices"
	"strings"

	"wxproxy/accountkind"
)

// A kind is a Kind as requests use it.
type kind struct {
	Kind
	local, configured, builtin routeTable
}

func newKind(k *Kind) *kind {
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

// addKinds makes the kinds of the accounts known, each once.
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

// route returns the route that decides about a policy path. What the
// proxy answers itself comes first, so that no configuration can send an
// AppSecret's own calls to WeChat: all that one can do is close it. Then come the
// configured routes, then the built-in ones, then class "app".
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
		return builtin // which knows the names of the parameters
	}
	return newRoute("", accountkind.CredentialApp)
}

// closes reports whether a configured route closes what the proxy would answer
// itself. Load balancers go on learning how the proxy is unless the route is about
// its own pages: "/*" is about the API.
func closes(configured, local route) bool {
	isOwn := local.Credential != credentialHealth || accountkind.IsAboutOwn(configured.Pattern)
	return configured.Credential == accountkind.CredentialDeny && isOwn
}
