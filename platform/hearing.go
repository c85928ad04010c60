package platform

import (
	"context"
	"errors"
	"sync"
	"time"

	"wxproxy/token"
)

const (
	// takeOverAfter is how long another replica has for an event that it took.
	takeOverAfter = 8 * time.Second

	// hearAgain is between two tries to read what was heard of.
	hearAgain = 500 * time.Millisecond
)

// hearing is what other replicas have written and this one is to read.
type hearing struct {
	mu   sync.Mutex // guards keys
	keys map[token.Key]bool

	some chan struct{} // of one; filled: there are keys
	all  chan struct{} // of one; filled: something may have been missed, nobody knows what
}

// begin makes h ready for use.
func (h *hearing) begin() {
	h.keys, h.some, h.all = map[token.Key]bool{}, make(chan struct{}, 1), make(chan struct{}, 1)
}

// fill has who waits for signal go on.
func fill(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// add notes what is to be read, which is as much as there are accounts.
func (h *hearing) add(key token.Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keys[key] = true
}

// take returns what is to be read.
func (h *hearing) take() map[token.Key]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	keys := h.keys
	h.keys = map[token.Key]bool{}
	return keys
}

// heard is called when another replica has written a record of the platform.
func (p *Platform) heard(key token.Key) {
	if key == (token.Key{}) {
		fill(p.hearing.all)
		return
	}
	p.hearing.add(key)
	fill(p.hearing.some)
}

// catchUp reads all where it is not known what was missed, until ctx ends.
func (p *Platform) catchUp(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.hearing.all:
			p.loadAll(ctx)
		}
	}
}

// hear reads what other replicas have written, until ctx ends. What the store does not tell now
// is read later.
func (p *Platform) hear(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.hearing.some:
		}
		if p.readAllHeard() {
			continue
		}
		fill(p.hearing.some)
		if !sleep(ctx, hearAgain) {
			return
		}
	}
}

// readAllHeard reads what was heard of, and reports whether the store has told all.
func (p *Platform) readAllHeard() bool {
	var all sync.WaitGroup
	keys, slots, away := p.hearing.take(), make(chan struct{}, atATime), make(chan struct{}, 1)
	for key := range keys {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			p.survive(func() {
				if err := p.readHeard(key); errors.Is(err, token.ErrAway) {
					p.hearing.add(key)
					fill(away)
				}
			})
		})
	}
	all.Wait()
	return len(away) == 0
}

// readHeard reads a record that another replica has written.
func (p *Platform) readHeard(key token.Key) error {
	if key == p.own {
		r, err := p.options.Store.Load(key)
		if err == nil {
			p.learnOwn(&r)
		}
		return err
	}
	r, a, err := p.read(key.AppID)
	if err == nil && !r.Events.Empty() {
		a.wake(takeOverAfter)
	}
	return err
}
