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
	// success is, but for those who have waited for it.
	MaxReply = 16 << 10

	// Lease is for how long a replica that has claimed a push may be silent about it. Of one
	// that dies the next replica forwards the push, and has time for that within the 5 s for
	// which WeChat waits.
	Lease = 2 * time.Second

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
	shared Shared    // nil: there are no replicas
	began  time.Time // what times are counted from
	limits limits

	mu       sync.Mutex // guards what follows
	underWay map[key]*push
	ended    map[key]end // without pointers, so that hundreds of thousands cost the collector nothing
	replies  map[key]Outcome
	order    []mark // of ended, the oldest first
	bytes    int    // of the replies
}

// limits say how much is known.
type limits struct{ pushes, bytes int }

// A key is the id of a push, which is 32 hex digits.
type key [32]byte

// A push is one that is being forwarded.
type push struct {
	id       string
	attempts int
	over     chan struct{} // closed when it has ended
	outcome  Outcome       // when it has
}

// An end is what is known of a push that was forwarded.
type end struct {
	until    time.Duration // since the beginning
	attempts int32
	status   int32
}

// A mark says when an end is forgotten, unless the push was forwarded again.
type mark struct {
	key   key
	until time.Duration
}

// New returns a Repeats that knows what replicas know, if shared is not nil.
func New(shared Shared) *Repeats {
	return &Repeats{
		shared: shared, began: time.Now(), limits: limits{maxKnown, maxBytes},
		underWay: map[key]*push{}, ended: map[key]end{}, replies: map[key]Outcome{},
	}
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
	case <-p.over:
	case <-ctx.Done():
		return Outcome{Status: http.StatusGatewayTimeout}, true
	}
	return p.outcome, true // nobody writes it any more
}

// enter returns the push that is called id, and whether the caller is to forward it.
func (r *Repeats) enter(id string) (p *push, isFirst bool) {
	k := keyOf(id)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	if p = r.underWay[k]; p != nil {
		return p, false
	}
	p = &push{id: id, attempts: 1, over: make(chan struct{})}
	if e, isKnown := r.ended[k]; isKnown {
		if p.outcome = (Outcome{Status: int(e.status)}); !p.outcome.Failed() {
			if reply, isThere := r.replies[k]; isThere {
				p.outcome = reply
			}
			close(p.over)
			return p, false
		}
		p.attempts = int(e.attempts) + 1
	}
	r.underWay[k] = p
	return p, true
}

func keyOf(id string) (k key) {
	copy(k[:], id)
	return k
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
	defer r.keep(ctx, p)()
	o = forward(p.attempts)
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_ = r.shared.Settle(settling, p.id, p.attempts, o.kept()) // Shared logs why not: this replica knows it in any case
	return o, false
}

// leave tells those who wait for p what became of it, and keeps that.
func (r *Repeats) leave(p *push, o Outcome) {
	k, kept := keyOf(p.id), o.kept()
	r.mu.Lock()
	defer r.mu.Unlock()
	p.outcome = o
	close(p.over)
	delete(r.underWay, k)
	until := time.Since(r.began) + Life
	r.ended[k] = end{until: until, attempts: int32(p.attempts), status: int32(kept.Status)}
	r.order = append(r.order, mark{k, until})
	if n := len(kept.Reply); n > 0 {
		r.replies[k] = kept
		r.bytes += n
	}
	r.forget()
}

// forget forgets what is old, and what there is no room for. The caller holds r.mu.
func (r *Repeats) forget() {
	now := time.Since(r.began)
	for len(r.order) > 0 {
		oldest := r.order[0]
		if now < oldest.until && len(r.order) <= r.limits.pushes && r.bytes <= r.limits.bytes {
			return
		}
		r.order = r.order[1:] // append makes a new array in time, without what is forgotten
		if r.ended[oldest.key].until != oldest.until {
			continue // it was forwarded again
		}
		delete(r.ended, oldest.key)
		if reply, isThere := r.replies[oldest.key]; isThere {
			r.bytes -= len(reply.Reply)
			delete(r.replies, oldest.key)
		}
	}
}
