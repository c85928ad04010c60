// Package origin tells from which address a request comes, also if web servers have
// passed it on. What they say of that is believed for the log alone: nothing is
// permitted by it.
package origin

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
)

const (
	// Socket stands for all callers of a Unix socket, which have no address.
	Socket = "unix:"

	// socketName is what the log calls them.
	socketName = "unix socket"

	// maxHops is how many of the addresses that a request says it came by are read.
	maxHops = 32
)

// These errors say why a text names no web servers to trust.
var (
	ErrNoNetwork = errors.New(`is neither an address nor a network; write it as "10.0.0.5", "10.0.0.0/8", "fd00::/8", or "unix:" for callers of a unix socket`)
	ErrZone      = errors.New("has a zone, which is of no use here; leave out the % and what follows")
)

// Trusted are the web servers whose X-Forwarded-For is believed. The zero value trusts
// none.
type Trusted struct {
	networks []netip.Prefix
	sockets  bool
}

// Add trusts the web servers that text names too: an address, a network, or Socket.
func (t *Trusted) Add(text string) error {
	if text == Socket {
		t.sockets = true
		return nil
	}
	if strings.Contains(text, "%") {
		return ErrZone
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return ErrNoNetwork
		}
		address = address.Unmap()
		network = netip.PrefixFrom(address, address.BitLen())
	}
	t.networks = append(t.networks, network.Masked())
	return nil
}

// Any reports whether any web server is trusted.
func (t *Trusted) Any() bool { return t.sockets || len(t.networks) > 0 }

// Everybody reports whether any address of a family is trusted, so that every caller
// can say where it comes from.
func (t *Trusted) Everybody() bool {
	return slices.ContainsFunc(t.networks, func(n netip.Prefix) bool { return n.Bits() == 0 })
}

// Of returns the address that the log has for a request which came from peer, with
// these values of X-Forwarded-For. It is peer itself unless that is trusted; else the
// last that is not trusted, as the one that it trusts has written it. What is no
// address ends the search: who wrote that is the last that is known.
func (t *Trusted) Of(peer string, forwarded []string) string {
	address, known := parse(peer)
	switch {
	case !known && !t.sockets:
		return socketName
	case known && !t.trusts(address):
		return address.String()
	}
	hops := 0
	for _, line := range slices.Backward(forwarded) {
		for line != "" && hops < maxHops {
			hops++
			comma := strings.LastIndexByte(line, ',')
			last := strings.Trim(line[comma+1:], " \t")
			line = line[:max(comma, 0)]
			next, ok := parse(last)
			if !ok {
				return name(address)
			}
			if address = next; !t.trusts(next) {
				return name(next)
			}
		}
	}
	return name(address)
}

func (t *Trusted) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(t.networks, func(n netip.Prefix) bool { return n.Contains(address) })
}

// name returns an address for the log. One that is not there is a Unix socket's.
func name(address netip.Addr) string {
	if !address.IsValid() {
		return socketName
	}
	return address.String()
}

// parse reads an address, with a port or without.
func parse(text string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	return address.Unmap().WithZone(""), err == nil
}
