package config

import (
	"net/url"
	"slices"
	"strings"
)

// warnOfDangers remarks on what works as it is written and gives secrets away.
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

// warnOfIdleSettings remarks on what says something and has no effect.
func (l *loader) warnOfIdleSettings() {
	proxy := l.cfg.Proxy
	if len(l.cfg.Clients) == 0 {
		return
	}
	if proxy.AllowAnonymous {
		l.warn("proxy.allow_anonymous", "has no effect: as there is a [[client]], every caller shows who it is")
	}
	if len(proxy.Hosts) > 0 {
		l.warn("proxy.hosts", "has no effect: as there is a [[client]], any name will do")
	}
}

// warnOfTokenless remarks on clients that get no real token, because that would go
// round what they are held to, although the token endpoint hands it out.
func (l *loader) warnOfTokenless() {
	if l.cfg.Proxy.TokenEndpoint != "real" {
		return
	}
	for i, c := range l.cfg.Clients {
		isHeld := len(c.Deny) > 0 || c.Interval > 0 || c.MaxInFlight > 0
		if !isHeld || slices.ContainsFunc(tokenPaths, c.hasExactly) || !slices.ContainsFunc(tokenPaths, c.mayCall) {
			continue
		}
		allow := `add "/cgi-bin/token" to its allow`
		if len(c.Allow) == 0 {
			allow = `write allow = ["/*", "/cgi-bin/token"]`
		}
		l.warn(item("client", i), `gets no real token, which would go round its deny, rate or max_in_flight (token_endpoint is "real"); `+
			`if it may have that all the same, %s, or "/cgi-bin/stable_token" for a program that asks there`, allow)
	}
}

// hasExactly reports whether allow has the very path.
func (c Client) hasExactly(path string) bool {
	return slices.ContainsFunc(c.Allow, func(pattern string) bool { return policyPattern(pattern) == path })
}

// mayCall reports whether allow and deny let the client call path.
func (c Client) mayCall(path string) bool {
	isCovered := func(pattern string) bool { return covers(pattern, path) }
	return !slices.ContainsFunc(c.Deny, isCovered) && (len(c.Allow) == 0 || slices.ContainsFunc(c.Allow, isCovered))
}

func (l *loader) anyClientKey() bool {
	for _, k := range l.keys {
		if k.listen == "proxy.listen" {
			return true
		}
	}
	return false
}

// warnOfRedis remarks on a Redis whose answers others can read or make.
func (l *loader) warnOfRedis() {
	store, err := url.Parse(l.cfg.Token.Store.Reveal())
	if err != nil {
		return // it is reported
	}
	query := store.Query()
	if store.Scheme == "rediss" && query.Get("skip_verify") == "true" {
		l.warn("token.store", "skip_verify lets anyone on the way pass for Redis; name the authority of its certificate with ca_file instead")
	}
	if store.Scheme != "redis" || !l.cfg.Token.EncryptionKey.Empty() || l.anyReported("token.encryption_key", "token.encryption_key_env", "token.encryption_key_file") {
		return
	}
	for _, host := range append([]string{store.Host}, query["addr"]...) {
		if BeyondLoopback(withPort(host)) {
			l.warn("token.store", "redis:// carries tokens to another machine in the clear; write rediss://, or set encryption_key")
			return
		}
	}
}

// withPort returns the address of a host that may have no port.
func withPort(host string) string {
	if _, port, found := strings.Cut(host[strings.LastIndexByte(host, ']')+1:], ":"); found && port != "" {
		return host
	}
	return strings.TrimSuffix(host, ":") + ":6379"
}
