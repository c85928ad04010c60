package proxy

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// A life is what a Proxy has in common with those that take its place.
type life struct {
	current  atomic.Pointer[Proxy] // which answers new requests
	draining atomic.Bool
	bodies   *budget   // of requests, and of answers that are kept
	noFiles  seldom    // says why bodies are not in files
	noRoom   seldom    // says that bodies were refused
	quotes   *logLimit // lines about credentials in WeChat's answers
	refused  *logLimit // lines about clients' requests that were refused
	unknown  *logLimit // the same of callers that are no client

	mu     sync.Mutex // guards former
	former []*Proxy   // those before that answered requests when somebody looked last
}

func newLife(c Config) *life {
	l := &life{bodies: newBudget(c.MemoryLimit)}
	l.quotes = newLogLimit(maxQuotes, func(count int) {
		l.log().Warn("answers quoted credentials, or lost their bodies, and have no line of their own; the callers got *** in the place of credentials", "count", count)
	})
	l.refused = newLogLimit(maxRefusals, func(count int) {
		l.log().Warn("requests of clients were refused that have no line of their own", "count", count)
	})
	l.unknown = newLogLimit(maxStrangers, func(count int) {
		l.log().Warn("requests of callers that are no client were refused that have no line of their own", "count", count)
	})
	return l
}

// log is that of the proxy which answers new requests.
func (l *life) log() *slog.Logger { return l.current.Load().config.Log }

// Succeed returns a Proxy for a valid config which from now on answers whatever
// comes to p's server. Requests under way stay with p; what a client's bodies take
// goes on to count, and so does its quota if it is still the same.
func (p *Proxy) Succeed(config Config) *Proxy {
	next := New(config)
	next.life = p.life
	for name, client := range next.clients.byName {
		before := p.clients.byName[name]
		if before != nil {
			client.room = before.room
		}
		if before != nil && before.MaxInFlight == client.MaxInFlight && before.Interval == client.Interval {
			client.quota = before.quota
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.former = append(p.stillAnswering(), p)
	p.current.Store(next)
	return next
}

// stillAnswering returns those of former that do. A proxy whose place was taken is
// forgotten when it has answered all, however many came after it. The caller holds
// l.mu.
func (l *life) stillAnswering() []*Proxy {
	l.former = slices.DeleteFunc(l.former, func(p *Proxy) bool { return p.answering() == 0 })
	return l.former
}

// InFlight returns how many requests are being answered, by the proxy of the moment
// and those before it.
func (p *Proxy) InFlight() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.current.Load().answering()
	for _, before := range p.stillAnswering() {
		n += before.answering()
	}
	return n
}

// Gone reports whether p, whose place was taken, has answered all its requests, and
// forgets it then.
func (p *Proxy) Gone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !slices.Contains(p.stillAnswering(), p)
}

// answering returns how many requests p itself is answering.
func (p *Proxy) answering() int { return int(p.inFlight.Load()) }

// Draining reports whether the proxy is about to end.
func (p *Proxy) Draining() bool { return p.draining.Load() }
