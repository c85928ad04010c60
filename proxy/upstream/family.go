package upstream

import (
	"net"
	"net/netip"
)

// A Family is the version of the addresses that are connected to.
type Family string

// The families. WeChat's allow-list names addresses, and a machine may call from
// one of either family.
const (
	FamilyAny  Family = "any" // so is the empty one
	FamilyIPv4 Family = "ipv4"
	FamilyIPv6 Family = "ipv6"
)

// network returns what package net calls the family.
func (f Family) network() string {
	switch f {
	case FamilyIPv4:
		return "ip4"
	case FamilyIPv6:
		return "ip6"
	}
	return "ip"
}

// of returns those of found that belong to the family. name is whose they are.
func (f Family) of(found []netip.Addr, name string) ([]netip.Addr, error) {
	var own []netip.Addr
	for _, ip := range found {
		if ip = ip.Unmap(); f == FamilyIPv4 && !ip.Is4() || f == FamilyIPv6 && !ip.Is6() {
			continue
		}
		own = append(own, ip)
	}
	if len(own) > 0 {
		return own, nil
	}
	none := "no address"
	if f.network() != "ip" {
		none = "no address that upstream.ip_family = \"" + string(f) + "\" allows"
	}
	return nil, &net.DNSError{Err: none, Name: name}
}
