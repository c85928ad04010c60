// Package sites tells what a browser sent for a page of another site.
package sites

import (
	"bytes"
	"net/netip"

	"wxproxy/proxy/internal/wire"
)

// IsOther reports whether a request's Origin, Sec-Fetch-Site and Host, of which the first two
// may be nil, are such as a browser sends for a page that another host has served.
func IsOther(origin, site, host []byte) bool {
	if site != nil && !wire.IsFold(site, "same-origin") && !wire.IsFold(site, "none") {
		return true
	}
	if origin == nil {
		return false
	}
	scheme, authority, found := bytes.Cut(origin, []byte("://"))
	isHTTP := found && (wire.IsFold(scheme, "http") || wire.IsFold(scheme, "https"))
	return !isHTTP || !wire.SameName(authority, host)
}

// Names are names of hosts that no other site can have.
type Names map[string]bool

// NamesOf returns the names of all hosts in lists, without their ports.
func NamesOf(lists ...[]string) Names {
	names := Names{}
	for _, list := range lists {
		for _, host := range list {
			names[name([]byte(host))] = true
		}
	}
	return names
}

// Has reports whether host is such a name, or an address.
func (n Names) Has(host []byte) bool {
	name := name(host)
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return name == "localhost" || n[name]
}

// name returns a host in lower case, without its port, its brackets and a dot at its end.
func name(host []byte) string {
	if len(host) > 0 && host[0] == '[' {
		host, _, _ = bytes.Cut(host[1:], []byte("]"))
	} else {
		host, _, _ = bytes.Cut(host, []byte(":"))
	}
	return string(bytes.ToLower(bytes.TrimSuffix(host, []byte("."))))
}
