package proxy

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/lograte"
	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/target"
)

// A door is what a Proxy has in common with those that take its place: it leads every
// request to the one of the moment.
type door struct {
	current  atomic.Pointer[Proxy] // which answers new requests
	leaving  atomic.Bool           // the process is about to end: it is not ready
	draining atomic.Bool           // likewise, and every answer closes its connection
	bodies   *body.Budget          // of requests, and of answers that are kept
	targets  sync.Pool             // of *target, for IsProvenByBody
	noFiles  lograte.Seldom        // says why bodies are not in files
	noRoom   lograte.Seldom        // says that bodies were refused
	quotes   *lograte.Limit        // lines about credentials in WeChat's answers
	refused  *lograte.Limit        // lines about clients' requests that were refused
	unknown  *lograte.Limit        // the same of callers that are no client

	mu     sync.Mutex // guards former
	former []*Proxy   // those before that answered requests when somebody looked last
}

func newDoor(c Config) *door {
	d := &door{bodies: body.NewBudget(c.MemoryLimit)}
	d.quotes = lograte.NewLimit(maxQuotes, func(count int) {
		d.log().Warn("answers quoted credentials, or lost their bodies, and have no line of their own; the callers got *** in the place of credentials", "count", count)
	})
	d.refused = lograte.NewLimit(maxClientRefusals, func(count int) {
		d.log().Warn("requests of clients were refused that have no line of their own", "count", count)
	})
	d.unknown = lograte.NewLimit(maxUnknownRefusals, func(count int) {
		d.log().Warn("requests of callers that are no client were refused that have no line of their own", "count", count)
	})
	return d
}

// log is that of the proxy which answers new requests.
func (d *door) log() *slog.Logger { return d.current.Load().config.Log }

// Reload returns a Proxy for a valid config which from now on answers whatever
// comes to p's server. Requests under way stay with p; what a client's bodies take
// goes on to count, and so does its quota if it is still the same.
func (p *Proxy) Reload(config Config) *Proxy {
	next := New(config)
	next.door = p.door
	for name, client := range next.clients.byName {
		before := p.clients.byName[name]
		if before != nil {
			client.bodies = before.bodies
		}
		if before != nil && before.MaxInFlight == client.MaxInFlight && before.Interval == client.Interval {
			client.quota = before.quota
		}
	}
	p.door.mu.Lock()
	defer p.door.mu.Unlock()
	p.door.former = append(p.door.stillAnswering(), p)
	p.door.current.Store(next)
	return next
}

// stillAnswering returns those of former that do. A proxy whose place was taken is
// forgotten when it has answered all, however many came after it. The caller holds
// d.mu.
func (d *door) stillAnswering() []*Proxy {
	d.former = slices.DeleteFunc(d.former, func(p *Proxy) bool { return p.answering() == 0 })
	return d.former
}

// InFlight returns how many requests are being answered, by the proxy of the moment
// and those before it.
func (p *Proxy) InFlight() int {
	p.door.mu.Lock()
	defer p.door.mu.Unlock()
	n := p.door.current.Load().answering()
	for _, before := range p.door.stillAnswering() {
		n += before.answering()
	}
	return n
}

// Gone reports whether p, whose place was taken, has answered all its requests, and
// forgets it then.
func (p *Proxy) Gone() bool {
	p.door.mu.Lock()
	defer p.door.mu.Unlock()
	return !slices.Contains(p.door.stillAnswering(), p)
}

// answering returns how many requests p itself is answering.
func (p *Proxy) answering() int { return int(p.inFlight.Load()) }

// Draining reports whether the proxy is about to end.
func (p *Proxy) Draining() bool { return p.door.leaving.Load() }

// Leave has the proxy say that it is not ready, and take requests as before.
func (p *Proxy) Leave() { p.door.leaving.Store(true) }

// Drain ends the service without cutting a request, and waits for that at most until
// ctx ends: nobody new is accepted but those who wait already, every answer closes its
// connection, and only connections without a request are closed by the proxy.
func (p *Proxy) Drain(ctx context.Context, listeners ...*front.Listener) error {
	p.Leave()
	p.door.draining.Store(true)
	return front.Drain(ctx, listeners...)
}

// Handler returns what answers as p does, and after a Reload as what takes its place.
func (p *Proxy) Handler() front.Handler { return p.door }

// Handle implements [Handler].
func (d *door) Handle(ctx *fasthttp.RequestCtx, maxBody int64) { d.current.Load().handle(ctx, maxBody) }

// Expect implements [Handler].
func (d *door) Expect(ctx *fasthttp.RequestCtx, maxBody int64) int {
	return d.current.Load().expectContinue(ctx, maxBody)
}

// Refuse implements [Handler].
func (d *door) Refuse(ctx *fasthttp.RequestCtx, reason error) {
	p := badRequest
	if errors.Is(reason, front.ErrBodyTooLarge) {
		p = bodyTooLarge
	}
	d.current.Load().answerUnreadable(ctx, &failure{problem: p, detail: reason.Error()})
}

// IsProvenByBody implements [Handler]: SDKs that ask for a token show their key there.
func (d *door) IsProvenByBody(raw []byte) bool {
	t, free := d.targets.Get().(*target.Target)
	if !free {
		t = new(target.Target)
	}
	defer d.targets.Put(t)
	p := d.current.Load()
	return t.Parse(raw, p.hosts, p.tokenParameters) == nil && p.isTokenPath(t.Policy)
}

// isTokenPath reports whether programs ask for a token there.
func (p *Proxy) isTokenPath(policy []byte) bool {
	return slices.ContainsFunc(p.kinds, func(k *kind) bool { return k.route(policy).traits.asksByBody })
}
