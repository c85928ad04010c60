package config

import (
	"maps"
	"slices"
)

// check finds the mistakes that only show when settings are compared with one
// another.
func (l *loader) check() {
	l.checkListeners()
	l.checkAccounts()
	l.checkClients()
	l.checkKeys()
	l.warnOfDangers()
	l.warnOfIdleSettings()
	l.warnOfTokenless()
	paths := map[string]string{}
	for i, r := range l.cfg.Routes {
		l.checkUnique(paths, policyPattern(r.Path), item("route", i), "path")
	}
}

func (l *loader) checkListeners() {
	proxy, admin := l.cfg.Proxy, l.cfg.Admin
	guarded := len(l.cfg.Clients) > 0 || proxy.AllowAnonymous || l.anyReported("client", "proxy.allow_anonymous")
	if BeyondLoopback(proxy.Listen) && !guarded {
		l.report("proxy.listen", "would let every machine that reaches it use your accounts; "+
			"add a [[client]], or set allow_anonymous = true in [proxy] if the network is all yours")
	}
	if BeyondLoopback(proxy.Listen) && proxy.TokenEndpoint == "real" && len(l.cfg.Clients) == 0 && !l.anyReported("client") {
		l.report("proxy.token_endpoint", `is "real", which would hand WeChat's own tokens to every machine that reaches proxy.listen; `+
			`add a [[client]], or write "virtual"`)
	}
	guarded = !admin.Key.Empty() || l.anyReported("admin.key", "admin.key_env", "admin.key_file")
	if BeyondLoopback(admin.Listen) && !guarded {
		l.report("admin.listen", "is reachable beyond loopback and needs a key; "+
			"set key, key_env or key_file in [admin], or WXPROXY_ADMIN_KEY")
	}
	if admin.Listen != "" && collide(proxy.Listen, admin.Listen) {
		l.report("admin.listen", "is the address of proxy.listen, too; take another port")
	}
}

func (l *loader) checkAccounts() {
	accounts := l.cfg.Accounts
	if len(accounts) == 0 {
		l.reportNoAccount()
		return
	}
	// Names and AppIDs share one space: both choose the account in a URL.
	seen := map[string]string{}
	defaultAccount := ""
	for i, a := range accounts {
		key := item("account", i)
		l.checkUnique(seen, a.Name, key, "name")
		if a.AppID != a.Name {
			l.checkUnique(seen, a.AppID, key, "app_id")
		}
		switch {
		case a.Default && defaultAccount != "":
			l.report(key+".default", "%s is the default already; there can be only one", defaultAccount)
		case a.Default:
			defaultAccount = key
		}
	}
	if len(accounts) == 1 {
		accounts[0].Default = true
	}
}

func (l *loader) reportNoAccount() {
	const demo = "; or try `wxproxy demo`, which needs none"
	if l.cfg.File == "" {
		l.report("", "there is no account: set WXPROXY_APP_ID and WXPROXY_SECRET (or WXPROXY_SECRET_FILE), "+
			"or write a file and give it with -config"+demo)
		return
	}
	l.report("account", "missing; add [[account]] with name, app_id and secret "+
		"(WXPROXY_APP_ID and WXPROXY_SECRET count only without a file)"+demo)
}

func (l *loader) checkClients() {
	names := map[string]string{}
	known := l.accountNames()
	for i, c := range l.cfg.Clients {
		key := item("client", i)
		l.checkUnique(names, c.Name, key, "name")
		if len(known) > 0 {
			l.checkAccountsOf(c, key, known)
		}
	}
}

// accountNames returns the accounts that a client may name: none until every
// account has a name to compare with.
func (l *loader) accountNames() map[string]bool {
	known := make(map[string]bool, len(l.cfg.Accounts))
	for _, a := range l.cfg.Accounts {
		if !isName(a.Name) {
			return nil
		}
		known[a.Name] = true
	}
	return known
}

// enoughSuggestions is after how many mistakes nobody needs one more suggestion,
// each of which looks at every account.
const enoughSuggestions = 20

// checkAccountsOf reports the accounts of a client that are not known.
func (l *loader) checkAccountsOf(c Client, key string, known map[string]bool) {
	for i, name := range c.Accounts {
		if known[name] {
			continue
		}
		suggestion := ""
		if len(l.problems) < enoughSuggestions {
			suggestion = didYouMean(name, slices.Sorted(maps.Keys(known)))
		}
		l.report(item(key+".accounts", i), "there is no account %s%s", quoted(name), suggestion)
	}
}

// checkUnique reports key of table if a table before it has the same value. An
// empty value has its problem already.
func (l *loader) checkUnique(seen map[string]string, value, table, key string) {
	if value == "" {
		return
	}
	if first, ok := seen[value]; ok {
		l.report(table+"."+key, "is taken by %s already; each needs its own", first)
		return
	}
	seen[value] = table
}
