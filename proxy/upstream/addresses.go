package upstream

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// lookAgain is how often the addresses of a host in use are looked up.
const lookAgain = 30 * time.Second

// The addresses of a host, as the resolver last gave them. While the resolver
// fails, they stay.
type addresses struct {
	name   string
	family Family
	lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	known  atomic.Pointer[[]netip.Addr] // nil: nobody has asked yet
}

// get returns the addresses, which are looked up now only if there are none.
func (a *addresses) get(ctx context.Context, timeout time.Duration) ([]netip.Addr, error) {
	if known := a.known.Load(); known != nil {
		return *known, nil
	}
	return a.refresh(ctx, timeout)
}

// renew looks the addresses up again if somebody has needed them. If that fails
// they stay.
func (a *addresses) renew(ctx context.Context, timeout time.Duration) {
	if a.known.Load() != nil {
		_, _ = a.refresh(ctx, timeout)
	}
}

// movedTime is how long a request waits to learn whether a name leads elsewhere.
const movedTime = time.Second

// moved looks the addresses up again, after none of tried could be reached, and
// returns those that are new: the name may lead elsewhere now.
func (a *addresses) moved(ctx context.Context, timeout time.Duration, tried []netip.Addr) (elsewhere []netip.Addr) {
	found, err := a.refresh(ctx, min(timeout, movedTime))
	if err != nil {
		return nil
	}
	for _, ip := range found {
		if !slices.Contains(tried, ip) {
			elsewhere = append(elsewhere, ip)
		}
	}
	return elsewhere
}

// refresh looks the addresses up.
func (a *addresses) refresh(ctx context.Context, timeout time.Duration) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(a.name); err == nil {
		return a.family.of([]netip.Addr{ip}, a.name)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found, err := a.lookup(ctx, a.name)
	if err == nil {
		found, err = a.family.of(found, a.name)
	}
	if err != nil {
		return nil, fmt.Errorf("looking up its addresses: %w", withoutDescriptors(err))
	}
	a.known.Store(&found)
	return found, nil
}
