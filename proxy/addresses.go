package proxy

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// lookAgain is how often the addresses of a host in use are looked up.
const lookAgain = 30 * time.Second

// The addresses of a host, as the resolver last gave them. While the resolver
// fails, they stay.
type addresses struct {
	name   string
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

// refresh looks the addresses up.
func (a *addresses) refresh(ctx context.Context, timeout time.Duration) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(a.name); err == nil {
		return []netip.Addr{ip}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found, err := a.lookup(ctx, a.name)
	if err == nil && len(found) == 0 {
		err = &net.DNSError{Err: "no address", Name: a.name}
	}
	if err != nil {
		return nil, fmt.Errorf("looking up its addresses: %w", withoutDescriptors(err))
	}
	a.known.Store(&found)
	return found, nil
}
