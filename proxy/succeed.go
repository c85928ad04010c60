package proxy

import (
	"sync"
	"sync/atomic"
)

// A life is what a Proxy has in common with those that take its place.
type life struct {
	current  atomic.Pointer[Proxy] // which answers new requests
	draining atomic.Bool
	noFiles  sync.Once // says that no file could be made for a body
}

// Succeed returns a Proxy for a valid config which from now on answers whatever
// comes to p's server. Requests under way stay with p; a client's quota goes on if
// it is still the same.
func (p *Proxy) Succeed(config Config) *Proxy {
	next := New(config)
	next.life = p.life
	for name, client := range next.clients.byName {
		before := p.clients.byName[name]
		if before != nil && before.MaxInFlight == client.MaxInFlight && before.Interval == client.Interval {
			client.quota = before.quota
		}
	}
	next.before.Store(p)
	p.current.Store(next)
	return next
}

// InFlight returns how many requests are being answered, by p and those whose place
// it took.
func (p *Proxy) InFlight() int {
	n := int(p.inFlight.Load())
	if before := p.before.Load(); before != nil {
		others := before.InFlight()
		if others == 0 {
			p.before.Store(nil)
		}
		n += others
	}
	return n
}

// Draining reports whether the proxy is about to end.
func (p *Proxy) Draining() bool { return p.draining.Load() }
