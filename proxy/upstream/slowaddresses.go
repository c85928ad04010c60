package upstream

import (
	"net/netip"
	"sync"
	"time"
)

// slowFor is how long an address is tried behind the others of its host.
const slowFor = 30 * time.Second

// slowAddresses are those of a host that were tried first and yet connected later than
// another one. They are tried last for a while, because each attempt to reach a dead
// address delays a new connection by attemptDelay.
type slowAddresses struct {
	mu    sync.Mutex // guards until
	until map[netip.Addr]time.Time
}

// behind returns ips in their order, but with those that are slow at the time now behind
// the others.
func (s *slowAddresses) behind(ips []netip.Addr, now time.Time) []netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.until) == 0 {
		return ips
	}
	var ordered, slow []netip.Addr
	for _, ip := range ips {
		if now.Before(s.until[ip]) {
			slow = append(slow, ip)
		} else {
			ordered = append(ordered, ip)
		}
	}
	return append(ordered, slow...)
}

// note remembers that of ips, which were tried in this order, winner connected first:
// the ones before it are slow, and winner itself is not any more.
func (s *slowAddresses) note(ips []netip.Addr, winner netip.Addr, now time.Time) {
	if winner == ips[0] && len(ips) == 1 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for ip, until := range s.until {
		if ip == winner || !now.Before(until) {
			delete(s.until, ip)
		}
	}
	for _, ip := range ips {
		if ip == winner {
			return
		}
		if s.until == nil {
			s.until = map[netip.Addr]time.Time{}
		}
		s.until[ip] = now.Add(slowFor)
	}
}
