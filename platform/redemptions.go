package platform

import (
	"sync"
	"time"
)

// codeLife is for how long it is known what a code yielded.
const codeLife = 24 * time.Hour

// redemptions are the codes that are being redeemed, or were within the last day.
type redemptions struct {
	mu       sync.Mutex // guards what follows
	known    map[string]redeemed
	underWay map[string]*redemption
}

// redeemed is what a code yielded.
type redeemed struct {
	appID string
	at    time.Time
}

// A redemption is one that is under way.
type redemption struct {
	done  chan struct{} // closed when the rest is known
	appID string
	err   error
}

func (r *redemptions) begin() {
	r.known, r.underWay = map[string]redeemed{}, map[string]*redemption{}
}

// add notes what the code of this hash has yielded.
func (r *redemptions) add(hash, appID string, at time.Time) {
	if time.Since(at) >= codeLife {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[hash] = redeemed{appID, at}
}

// of returns the account that the code of this hash was for; empty if that is not known.
func (r *redemptions) of(hash string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known[hash].appID
}

// join returns the redemption of the code of this hash, which begin runs if there is none
// under way.
func (r *redemptions) join(hash string, begin func(*redemption)) *redemption {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.underWay[hash]
	if one == nil {
		one = &redemption{done: make(chan struct{})}
		r.underWay[hash] = one
		begin(one)
	}
	return one
}

// end ends a redemption.
func (r *redemptions) end(hash string, one *redemption) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.underWay, hash)
	close(one.done)
}

// forget forgets what is older than a day.
func (r *redemptions) forget(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for hash, one := range r.known {
		if now.Sub(one.at) >= codeLife {
			delete(r.known, hash)
		}
	}
}
