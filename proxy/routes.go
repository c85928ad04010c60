package proxy

import (
	"slices"
	"strings"

	"wxproxy/accountkind"
)

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
