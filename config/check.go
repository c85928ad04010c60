package config

import (
	"maps"
	"reflect"
	"slices"
	"wxproxy/config/internal/lines"

	"wxproxy/accountkind"
	"wxproxy/config/internal/address"
)

// check finds the mistakes that only show when settings are compared with one
// another.
func (l *loader) check() {
	l.checkListeners()
	l.checkAccounts()
	l.checkClients()
	l.checkForwards()
	l.checkKeys()
	l.warnOfDangers()
	l.warnOfIdleSettings()
	l.warnOfTokenless()
	l.warnOfPushes()
	l.warnOfPlatforms()
	paths := map[string]string{}
	for i, r := range l.cfg.Routes {
		if r.Path != "" {
			l.checkUnique(paths, r.Kind.String()+accountkind.Normal(r.Path), item("route", i), "path")
		}
	}
}

// checkUnique reports the key of a table if a table before has the same value for it.
// An empty value has its problem already.
func (l *loader) checkUnique(seen map[string]string, value, table, key string) {
	if value == "" {
		return
	}
	if first, ok := seen[value]; ok {
		l.report(table+"."+key, "is taken by %s already; each needs its own", l.place(first))
		return
	}
	seen[value] = table
}

// warnOfDangers remarks on settings that work as they are written, and give secrets
// away.
func (l *loader) warnOfDangers() {
	proxy, admin := l.cfg.Proxy, l.cfg.Admin
	if BeyondLoopback(proxy.Listen) && proxy.TLSCert == "" && len(l.keys) > 0 && l.anyClientKey() {
		l.warn("proxy.listen", "callers' keys cross the network in the clear; set tls_cert and tls_key, "+
			"unless the network is all yours or something before wxproxy speaks TLS")
	}
	if BeyondLoopback(admin.Listen) && !admin.Key.Empty() {
		l.warn("admin.listen", "its key crosses the network in the clear; listen on loopback or a unix socket, "+
			"unless the network is all yours or something before wxproxy speaks TLS")
	}
	l.warnOfRedis()
}

// warnOfIdleSettings remarks on settings that have no effect.
func (l *loader) warnOfIdleSettings() {
	proxy := l.cfg.Proxy
	if !slices.Contains(l.cfg.Kinds(), WeCom) && !reflect.DeepEqual(l.cfg.WeCom, Default().WeCom) {
		l.warn(WeCom.Section(), "has no effect: there is no [[account]] with kind = \"wecom\"")
	}
	if len(l.cfg.Clients) == 0 {
		if !l.cfg.ClientDefaults.empty() {
			l.warn("client_defaults", "has no effect: there is no [[client]]")
		}
		return
	}
	if proxy.AllowAnonymous {
		l.warn("proxy.allow_anonymous", "has no effect: as there is a [[client]], every caller shows who it is")
	}
	if len(proxy.Hosts) > 0 {
		l.warn("proxy.hosts", "has no effect: as there is a [[client]], any name will do")
	}
}

func (l *loader) anyClientKey() bool {
	for _, k := range l.keys {
		if k.listen == "proxy.listen" {
			return true
		}
	}
	return false
}

func (l *loader) checkClients() {
	names := map[string]string{}
	known := l.named()
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

// enoughSuggestions is the number of mistakes after which none gets a suggestion: to
// make one takes a look at every account.
const enoughSuggestions = 20

// checkAccountsOf reports the accounts of a client that are not known.
func (l *loader) checkAccountsOf(c Client, key string, known map[string]bool) {
	for i, name := range c.Accounts {
		if known[name] || l.cfg.isOfPlatform(name) {
			continue
		}
		key := key
		if lines.Value(l.document, key+".accounts") == nil {
			key = "client_defaults" // says it for this client
		}
		l.reportUnknown(item(key+".accounts", i), name, slices.Sorted(maps.Keys(known)))
	}
}

// checkAccountOf reports a forward whose account, a, is none.
func (l *loader) checkAccountOf(f Forward, a *Account, key string, known map[string]bool) {
	if f.Account == "" || len(known) == 0 {
		return
	}
	switch {
	case a == nil && !l.cfg.isOfPlatform(f.Account):
		l.reportUnknown(key+".account", f.Account, slices.Sorted(maps.Keys(known)))
	case a != nil && a.PushToken.Empty() && l.cfg.Push.Listen != "":
		l.warn(key+".account", "has no push_token, so that there are no pushes of it")
	}
}

// ListenOn splits a listen setting into what [net.Listen] wants.
func ListenOn(listen string) (network, host string) { return address.Split(listen) }

// BeyondLoopback reports whether other machines can reach a listen setting.
func BeyondLoopback(listen string) bool { return address.BeyondLoopback(listen) }

// checkListen reports a listen setting that nobody can listen on, and remarks on a
// socket in the place of which every user could listen.
func (t *table) checkListen(listen string) {
	if err := address.Check(listen); err != nil {
		t.wrong("listen", "%v", err)
	} else if network, socket := address.Split(listen); network == "unix" {
		t.warnIfReplaceable(t.key("listen"), socket)
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
	l.checkOptional()
	guarded = !admin.Key.Empty() || l.anyReported("admin.key", "admin.key_env", "admin.key_file")
	if BeyondLoopback(admin.Listen) && !guarded {
		l.report("admin.listen", "is reachable beyond loopback and needs a key; "+
			"set key, key_env or key_file in [admin], or WXPROXY_ADMIN_KEY")
	}
	if admin.Listen != "" && address.Collide(proxy.Listen, admin.Listen) {
		l.report("admin.listen", "is the address of proxy.listen, too; take another port")
	}
	l.checkPushListener()
}

// checkOptional reports a certificate that may be left out where nobody has a key to show
// instead.
func (l *loader) checkOptional() {
	isOptional := l.cfg.Proxy.TLSClientAuth == "optional" && len(l.cfg.Clients) == 0
	if isOptional && !l.anyReported("client", "proxy.tls_client_auth", "proxy.tls_client_ca") {
		l.report("proxy.tls_client_auth", `is "optional", so that callers without a certificate show a key, and there is no [[client]] that has one; `+
			`add a [[client]], or write "require"`)
	}
}
