// Package repeat has a push that WeChat repeats forwarded once: a repetition waits for
// what becomes of the first while that is under way, and gets the same answer for a
// while after. What has failed is forwarded again.
package repeat

import (
	"context"
	"net/http"
	"sync"
	"time"
)

const (
	// Life is for how long an answer is known after it was given.
	Life = time.Minute

	// MaxReply is the size of the largest reply that is kept. Of a larger one only
	// success is.
	MaxReply = 16 << 10

	// Lease is for how long a replica that has claimed a push may be silent about it.
	// It is longer than forwarding takes, and ends before WeChat's last repetition does.
	Lease = 6 * time.Second

	maxKnown = 400_000  // pushes: of a minute of 5,000 a second, and some more
	maxBytes = 64 << 20 // of their replies
)

// An Outcome is what became of a push.
type Outcome struct {
	Status      int    // as WeChat gets it; anything but 200 is a failure, after which it is forwarded again
	Reply       []byte // in the clear; nil: "success"
	ContentType string // of the reply
}

// Failed reports whether the push is to be forwarded again.
func (o Outcome) Failed() bool { return o.Status != http.StatusOK }

// kept returns as much of the outcome as is kept.
func (o Outcome) kept() Outcome {
	if len(o.Reply) > MaxReply {
		return Outcome{Status: o.Status}
	}
	return o
}

// A Repeats knows the pushes of the last minute. It may be used concurrently.
type Repeats struct {
	shared    Shared // nil: there are no replicas
	most      int    // how many are known
	mostBytes int    // of their replies

	mu    sync.Mutex // guards what follows
	known map[string]*push
	ended []*push // those whose outcome is known, in the order in which that ended
	bytes int     // of their replies
}

// A push is one that was forwarded, or is being forwarded.
type push struct {
	id       string
	attempts int
	underWay chan struct{} // closed when it has ended
	until    time.Time     // zero: it is under way
	outcome  Outcome
}

// New returns a Repeats that knows what replicas know, if shared is not nil.
func New(shared Shared) *Repeats {
	return &Repeats{shared: shared, most: maxKnown, mostBytes: maxBytes, known: map[string]*push{}}
}

// Do returns what becomes of the push that is called id. Unless that is known, it calls
// forward, with the number of the attempt. Of calls with the same id one calls forward at
// a time, and the others wait for it, or for ctx.
func (r *Repeats) Do(ctx context.Context, id string, forward func(attempt int) Outcome) (o Outcome, repeated bool) {
	p, isFirst := r.enter(id)
	if isFirst {
		return r.first(ctx, p, forward)
	}
	select {
	case <-p.underWay:
	case <-ctx.Done():
		return Outcome{Status: http.StatusGatewayTimeout}, true
	}
	return p.outcome, true // nobody writes it any more
}

// enter returns the push that is called id, and whether the caller is to forward it.
func (r *Repeats) enter(id string) (p *push, isFirst bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(time.Now())
	p = r.known[id]
	if p != nil && (p.until.IsZero() || !p.outcome.Failed()) {
		return p, false
	}
	again := &push{id: id, attempts: 1, underWay: make(chan struct{})}
	if p != nil {
		again.attempts = p.attempts + 1
	}
	r.known[id] = again
	return again, true
}

// first forwards p, unless a replica has, or does.
func (r *Repeats) first(ctx context.Context, p *push, forward func(attempt int) Outcome) (o Outcome, repeated bool) {
	o.Status = http.StatusBadGateway // if forward panics
	defer func() { r.leave(p, o) }()
	if r.shared == nil {
		return forward(p.attempts), false
	}
	claim := r.claim(ctx, p)
	if !claim.Mine {
		p.attempts = claim.Attempt
		return claim.Outcome, true
	}
	p.attempts = max(p.attempts, claim.Attempt)
	o = forward(p.attempts)
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_ = r.shared.Settle(settling, p.id, p.attempts, o.kept()) // Shared logs why not: this replica knows it in any case
	return o, false
}

// leave keeps what became of p, and tells those who wait for it.
func (r *Repeats) leave(p *push, o Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if p.outcome, p.until = o.kept(), now.Add(Life); len(o.Reply) == 0 {
		p.outcome.Reply = nil
	}
	close(p.underWay)
	r.ended = append(r.ended, p)
	r.bytes += len(p.outcome.Reply)
	r.forget(now)
}

// forget forgets what is old, and what there is no room for. The caller holds r.mu.
func (r *Repeats) forget(now time.Time) {
	for len(r.ended) > 0 {
		oldest := r.ended[0]
		if now.Before(oldest.until) && len(r.ended) <= r.most && r.bytes <= r.mostBytes {
			return
		}
		r.ended[0] = nil // append makes a new array in time, without what is forgotten
		r.ended = r.ended[1:]
		r.bytes -= len(oldest.outcome.Reply)
		if r.known[oldest.id] == oldest { // else it was forwarded again
			delete(r.known, oldest.id)
		}
	}
}
