package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// attemptDelay is how long an attempt to connect has, before the one to the
// next address begins beside it: the recommendation of RFC 8305, section 5.
const attemptDelay = 250 * time.Millisecond

// errWentDown ends the attempts to connect to a host that another attempt has found to
// be down.
var errWentDown = errors.New("the host went down meanwhile")

// An attempted is how one attempt to connect ended.
type attempted struct {
	conn *conn
	err  error
}

// race returns the connection to the first of ips that can be reached, unless
// over is closed before. An attempt begins when the one before has failed or
// has taken attemptDelay, so that an address which swallows everything does not
// use up the time of the others. Every attempt has ended when race returns.
func race(ctx context.Context, over <-chan struct{}, ips []netip.Addr, attempt func(context.Context, netip.Addr) (*conn, error)) (*conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	running, results := 0, make(chan attempted, len(ips)) // with room for all, so that no attempt waits
	defer func() {
		cancel()
		closeRest(results, running)
	}()
	var failed error
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			if len(ips) > 0 {
				go func(ip netip.Addr) {
					c, err := attempt(ctx, ip)
					results <- attempted{c, err}
				}(ips[0])
				ips, running = ips[1:], running+1
				next.Reset(attemptDelay)
			}
		case r := <-results:
			running--
			if r.err == nil {
				return r.conn, nil
			}
			if failed = alsoFailed(failed, r.err); running == 0 && len(ips) == 0 {
				return nil, failed
			}
			next.Reset(0)
		case <-over:
			return nil, errWentDown
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// closeRest waits for the attempts that are running, and closes the connections that
// they make.
func closeRest(results <-chan attempted, running int) {
	for range running {
		if r := <-results; r.err == nil {
			r.conn.Close()
		}
	}
}

// alsoFailed adds err to the reasons for which no connection came about.
func alsoFailed(reasons, err error) error {
	if reasons == nil {
		return err
	}
	return fmt.Errorf("%w; %w", reasons, err)
}

// interleave puts addresses of both families in turns, beginning with the
// family of the first one, which is the resolver's choice.
func interleave(ips []netip.Addr) []netip.Addr {
	var preferred, other []netip.Addr
	for _, ip := range ips {
		if ip = ip.Unmap(); ip.Is4() == ips[0].Unmap().Is4() {
			preferred = append(preferred, ip)
		} else {
			other = append(other, ip)
		}
	}
	turns := make([]netip.Addr, 0, len(ips))
	for i := range max(len(preferred), len(other)) {
		turns = append(turns, preferred[min(i, len(preferred)):min(i+1, len(preferred))]...)
		turns = append(turns, other[min(i, len(other)):min(i+1, len(other))]...)
	}
	return turns
}
