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

// A door is what a Proxy shares with those that replace it by Reload. It hands each request
// to the current one.
type door struct {
	current atomic.Pointer[Proxy] // which answers new requests
	leaving atomic.Bool           // the process is about to end: it is not ready, and every answer closes its connection
	bodies  *body.Budget          // of requests, and of answers that are kept
	targets sync.Pool             // of *target, for IsProvenByBody
	noFiles lograte.Seldom        // of the line that says why bodies are not in files
	noRoom  lograte.Seldom        // of the line that says that bodies were refused
	quotes  *lograte.Limit        // lines about credentials in WeChat's answers
	refused *lograte.Limit        // lines about clients' requests that were refused
	failed  *lograte.Lines        // lines about requests that were answered with 5xx
	unknown *lograte.Limit        // the same of callers that are no client

	mu       sync.Mutex // guards replaced
	replaced []*Proxy   // the replaced ones that still answered requests when this was last looked at
}

const (
	// maxClientRefusals is how many different refusals of clients' requests have a line in
	// the log in one minute.
	maxClientRefusals = 200

	// maxUnknownRefusals is the same for callers that are no client, which can make up any
	// number of paths.
	maxUnknownRefusals = 20

	// maxPathKey is how many bytes of a path tell refusals apart.
	maxPathKey = 256
)

const (
	// maxFailureLines limits how many accounts and reasons the log tells apart when
	// requests fail with 5xx.
	maxFailureLines = 200

	// firstFailures is how many requests of an account that failed for one reason have a
	// line each in a minute. The others are counted: in an outage all fail.
	firstFailures = 10
)

// maxQuotes is how many different lines about answers that quote a credential the log
// has in one minute.
const maxQuotes = 64

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
	d.failed = lograte.NewLines(maxFailureLines, func(count int) {
		d.log().Warn("requests failed that have no line of their own", "count", count)
	})
	d.failed.First = firstFailures
	return d
}

// log is that of the proxy which answers new requests.
func (d *door) log() *slog.Logger { return d.current.Load().config.Log }

// FlushLines has the log say what no line has said yet, as the process is about to end.
func (p *Proxy) FlushLines() {
	d := p.door
	d.quotes.Flush()
	d.refused.Flush()
	d.unknown.Flush()
	d.failed.Flush()
}

// Reload returns a Proxy for a valid config, which answers all requests from now on.
// Requests under way stay with p. What a client's bodies take still counts, and so does its
// use of its quota if that is the same as before.
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
	p.door.replaced = append(p.door.stillAnswering(), p)
	p.door.current.Store(next)
	return next
}

// stillAnswering returns the replaced proxies that still answer requests, and forgets the
// others. The caller holds d.mu.
func (d *door) stillAnswering() []*Proxy {
	d.replaced = slices.DeleteFunc(d.replaced, func(p *Proxy) bool { return p.answering() == 0 })
	return d.replaced
}

// InFlight returns how many requests are being answered, by the current proxy and by those
// that it replaced.
func (p *Proxy) InFlight() int {
	p.door.mu.Lock()
	defer p.door.mu.Unlock()
	n := p.door.current.Load().answering()
	for _, before := range p.door.stillAnswering() {
		n += before.answering()
	}
	return n
}

// HasFinished reports whether p, which was replaced, has answered all its requests.
func (p *Proxy) HasFinished() bool {
	p.door.mu.Lock()
	defer p.door.mu.Unlock()
	return !slices.Contains(p.door.stillAnswering(), p)
}

// answering returns how many requests p itself is answering.
func (p *Proxy) answering() int { return int(p.inFlight.Load()) }

// Draining reports whether the proxy is about to end.
func (p *Proxy) Draining() bool { return p.door.leaving.Load() }

// Leave has the proxy say that it is not ready, and close each connection with its next
// answer, so that callers come by another process. It takes requests as before.
func (p *Proxy) Leave() { p.door.leaving.Store(true) }

// Drain ends the service without cutting a request, and waits for that until ctx ends at
// most. It accepts only the connections that wait already, and closes those without a
// request.
func (p *Proxy) Drain(ctx context.Context, listeners ...*front.Listener) error {
	p.Leave()
	defer p.FlushLines()
	return front.Drain(ctx, listeners...)
}

// Handler returns the handler for a server: it answers as p, and after a Reload as the
// proxy that replaced p.
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

// IsProvenByBody implements [Handler]: SDKs that ask for a token send their key in the body.
func (d *door) IsProvenByBody(raw []byte) bool {
	t, free := d.targets.Get().(*target.Target)
	if !free {
		t = new(target.Target)
	}
	defer d.targets.Put(t)
	p := d.current.Load()
	return t.Parse(raw, p.hosts, p.tokenParameters) == nil && p.isTokenPath(t.Policy)
}

// isTokenPath reports whether programs ask for a token at a policy path.
func (p *Proxy) isTokenPath(policy []byte) bool {
	return slices.ContainsFunc(p.kinds, func(k *kind) bool { return k.route(policy).traits.callerInBody })
}
