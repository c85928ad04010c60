package address

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Proof returns which parameter of a query, if any, is one of those that prove a push. An
// SDK takes the first of that name, which would be this one.
func Proof(rawQuery string) string {
	q, _ := url.ParseQuery(rawQuery) // what cannot be read proves nothing
	for _, name := range []string{"signature", "timestamp", "nonce", "openid", "encrypt_type", "msg_signature"} {
		if q.Has(name) {
			return name
		}
	}
	return ""
}

// LeadsTo reports whether a request to a URL, as a forward has it, comes to a listener.
func LeadsTo(raw, listen string) bool {
	if rest, isSocket := strings.CutPrefix(raw, "unix:"); isSocket {
		socket, _, _ := strings.Cut(rest, ":/")
		return Collide("unix:"+socket, listen)
	}
	u, err := url.Parse(raw)
	host, _, noAddress := net.SplitHostPort(listen)
	if err != nil || noAddress != nil || u.Scheme != "http" { // TLS ends before the listener
		return false
	}
	ip, _ := netip.ParseAddr(addressOf(u.Hostname()))
	if Everywhere(host) && !ip.IsLoopback() { // another host may have the same port
		return false
	}
	return Collide(net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")), listen)
}
