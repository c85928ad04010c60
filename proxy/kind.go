package proxy

import (
	"cmp"
	"slices"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/routes"
	"wxproxy/proxy/traffic/apis"
)

// A kind is a Kind with its routes in tables that are quick to search.
type kind struct {
	Kind
	local, configured, builtin routes.Table[route]

	accounts []*Account           // those that are configured
	fallback *Account             // the default of the kind; nil: none is
	onlyOf   map[*Client]*Account // the only account of the kind that a client may use

	apis       *apis.Kind // counts calls by the API; nil: nothing is counted
	tokenNames []string   // the parameters that may hold a virtual token
	oauthNames []string   // what is removed where a platform's token goes by its own name
}

// newKind returns the kind that k says. Without a platform the paths of platforms are
// denied, and the parameter for a platform's token is one as any other.
func newKind(k *Kind, hasPlatform bool) *kind {
	mustBeComplete(k.Table)
	made := &kind{Kind: *k, onlyOf: map[*Client]*Account{}, tokenNames: []string{k.Table.TokenParameter}}
	if hasPlatform && k.Table.Platform.TokenParameter != "" {
		table, parameter := *k.Table, k.Table.Platform.TokenParameter
		table.TokenParameters = append(slices.Clone(table.TokenParameters), parameter)
		table.SecretParameters = append(slices.Clone(table.SecretParameters), parameter)
		made.Table, made.tokenNames = &table, append(made.tokenNames, parameter)
		made.oauthNames = append(slices.Clone(table.TokenParameters), table.Platform.AppIDParameter)
	} else {
		hasPlatform = false
	}
	made.local = newRouteTable(localRoutes(k.Table, hasPlatform), made, hasPlatform)
	made.configured = newRouteTable(k.Routes, made, hasPlatform)
	made.builtin = newRouteTable(k.Table.Routes, made, hasPlatform)
	return made
}

// implied returns the account of a request for a host of the kind that names none: the client's
// only one, or the default. Where no credential is added, any is as good. It returns nil if
// there is none.
func (k *kind) implied(x *exchange) *Account {
	if a := cmp.Or(k.onlyOf[x.client], k.fallback); a != nil {
		return a
	}
	if len(k.accounts) == 1 {
		return k.accounts[0]
	}
	if i := slices.IndexFunc(k.accounts, x.client.mayUse); i >= 0 && x.route.Credential == accountkind.CredentialNone {
		return k.accounts[i]
	}
	return nil
}

// addKinds adds the kinds of the accounts to the proxy, each once, and to the accounts.
func (p *Proxy) addKinds(accounts []*Account) {
	known, hasPlatform := map[*Kind]*kind{}, map[*Kind]bool{}
	for _, pl := range p.config.Platforms {
		hasPlatform[pl.Account.Kind] = true
	}
	for _, a := range accounts {
		k := known[a.Kind]
		if k == nil {
			k = newKind(a.Kind, hasPlatform[a.Kind])
			k.apis = p.config.Counts.OfAPIs(a.Kind.Table.Name, a.Kind.Table.DocumentedPaths())
			known[a.Kind] = k
			p.kinds = append(p.kinds, k)
			p.hosts = append(p.hosts, k.Hosts...)
			p.kindOfHost.Add(k.Hosts, k)
			p.tokenParameters = append(p.tokenParameters, k.Table.TokenParameters...)
		}
		if a.kind = k; !a.isComponent() {
			k.accounts = append(k.accounts, a)
		}
		if a.Name == k.Default {
			k.fallback = a
		}
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

	credentialComponent  accountkind.Credential = "component"  // a platform's token, for programs that ask for one
	credentialAuthorizer accountkind.Credential = "authorizer" // the token of a platform's account, likewise
	credentialRedeem     accountkind.Credential = "redeem"     // what an authorization code yields
	credentialAuthorize  accountkind.Credential = "authorize"  // the address of the page where an authorization begins
)

// localRoutes are the paths that the proxy answers itself and never forwards.
func localRoutes(kind *accountkind.Kind, hasPlatform bool) []accountkind.Route {
	local := []accountkind.Route{
		{Pattern: accountkind.LivenessPath, Credential: credentialHealth},
		{Pattern: accountkind.ReadinessPath, Credential: credentialHealth},
		{Pattern: accountkind.OwnPrefix + "*", Credential: credentialLocal},
		{Pattern: accountkind.AuthorizePath, Credential: credentialAuthorize},
	}
	if hasPlatform {
		local = append(local,
			accountkind.Route{Pattern: kind.Platform.TokenPath, Credential: credentialComponent},
			accountkind.Route{Pattern: kind.Platform.AuthorizerTokenPath, Credential: credentialAuthorizer},
			accountkind.Route{Pattern: kind.Platform.RedeemPath, Credential: credentialRedeem})
	}
	for _, path := range kind.TokenPaths {
		local = append(local, accountkind.Route{Pattern: path, Credential: credentialToken})
	}
	return local
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

// newRouteTable returns the table of rows of a kind.
func newRouteTable(rows []accountkind.Route, k *kind, hasPlatform bool) routes.Table[route] {
	return routes.New(rows, func(row accountkind.Route) route {
		if !hasPlatform && (row.Credential == accountkind.CredentialPlatform || row.InBody) {
			row = accountkind.Route{Pattern: row.Pattern, Credential: accountkind.CredentialDeny}
		}
		if row.Credential == accountkind.CredentialSecret && row.Names == (accountkind.SecretNames{}) {
			row.Names = k.Table.SecretNames
		}
		return typed(row)
	})
}

// route returns the route of a policy path: one that the proxy answers itself, or else a
// configured one, or else a built-in one, or else class "app". As the first come before
// the configured ones, no configuration can forward a request for a token to WeChat; it
// can only deny that path.
func (k *kind) route(policy []byte) route {
	builtin, known := k.builtin.Find(policy)
	configured, isConfigured := k.configured.Find(policy)
	local, isLocal := k.local.Find(policy)
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

// key returns what virtual tokens know the account by.
func (a *Account) key() string { return cmp.Or(a.Key, a.AppID) }

// nameAccounts has accounts be found by their names, and by an appid that is one's alone.
func (p *Proxy) nameAccounts(accounts []*Account) {
	for _, a := range accounts {
		_, isTaken := p.accounts[a.AppID]
		if p.accounts[a.AppID] = a; isTaken {
			p.accounts[a.AppID] = nil
		}
	}
	for _, a := range accounts {
		p.accounts[a.Name] = a
		if a.kind.Table.TokenRequest.OfCorp {
			p.corps[a.AppID] = append(p.corps[a.AppID], a)
		}
	}
}
