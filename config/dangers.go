package config

import (
	"net/url"
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
