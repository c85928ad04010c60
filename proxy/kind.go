package proxy

import (
	"slices"
	"strings"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/target"
)

// A Kind is what the accounts of one kind have in common: what the manual says of
// them, and what the configuration makes of it.
type Kind struct {
	Table         *accountkind.Kind
	Upstream      Upstream            // where its API is
	Hosts         []string            // hosts, in lower case, that an absolute-form request may name
	Routes        []accountkind.Route // they win over the table's
	TokenErrcodes []int               // an answer with one of these errcodes refuses the token
}

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
