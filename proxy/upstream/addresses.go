package upstream

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// lookAgain is how often the addresses of a host in use are looked up again.
const lookAgain = 30 * time.Second

// addresses are those of a host, as the resolver last gave them. They stay while the
// resolver fails.
type addresses struct {
	name   string
	family Family
	lookup func(ctx context.Context, name string) ([]netip.Addr, error) // nil: the system's resolver does it
	known  atomic.Pointer[[]netip.Addr]                                 // nil: none were needed yet
}

// get returns the addresses. It looks them up only if none are known.
func (a *addresses) get(ctx context.Context, timeout time.Duration) ([]netip.Addr, error) {
	if known := a.known.Load(); known != nil {
		return *known, nil
	}
	return a.refresh(ctx, timeout)
}

// renew looks the addresses up again if they were needed before.
func (a *addresses) renew(ctx context.Context, timeout time.Duration) {
	if a.known.Load() != nil {
		_, _ = a.refresh(ctx, timeout)
	}
}

// addedTime is how long a request waits to learn whether a host has other addresses.
const addedTime = time.Second

// added looks the addresses up again, after none of tried could be reached, and returns
// those that are not among them.
func (a *addresses) added(ctx context.Context, timeout time.Duration, tried []netip.Addr) (added []netip.Addr) {
	found, err := a.refresh(ctx, min(timeout, addedTime))
	if err != nil {
		return nil
	}
	for _, ip := range found {
		if !slices.Contains(tried, ip) {
			added = append(added, ip)
		}
	}
	return added
}

// refresh looks the addresses up.
func (a *addresses) refresh(ctx context.Context, timeout time.Duration) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(a.name); err == nil {
		return a.family.of([]netip.Addr{ip}, a.name)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	lookup := a.lookup
	if lookup == nil {
		lookup = a.resolve
	}
	found, err := lookup(ctx, a.name)
	if err == nil {
		found, err = a.family.of(found, a.name)
	}
	if err != nil {
		return nil, fmt.Errorf("looking up its addresses: %w", withDescriptorShortage(err))
	}
	a.known.Store(&found)
	return found, nil
}

// resolve asks the system's resolver.
func (a *addresses) resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, a.family.network(), name)
}
