package platform

import (
	"sync"

	"wxproxy/token"
)

// fetches are how often WeChat was asked for the tokens of a platform's accounts: those too
// whose keepers are gone.
type fetches struct {
	mu     sync.Mutex                  // guards counts
	counts map[token.FetchCount]uint64 // by reason and outcome, whose N is 0
}

// add counts a fetch.
func (f *fetches) add(c token.FetchCount) {
	n := c.N
	c.N = 0
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[token.FetchCount]uint64{}
	}
	f.counts[c] += n
}

// counted counts a fetch of the token of one of the accounts. One that went well tells that
// WeChat takes calls from here.
func (p *Platform) counted(c token.FetchCount) {
	p.fetches.add(c)
	if c.Outcome == token.FetchSucceeded && c.N > 0 {
		p.AddressAccepted()
	}
}

// Fetches returns how often WeChat was asked for the tokens of all its accounts since the
// start.
func (p *Platform) Fetches() []token.FetchCount {
	p.fetches.mu.Lock()
	defer p.fetches.mu.Unlock()
	all := make([]token.FetchCount, 0, len(p.fetches.counts))
	for c, n := range p.fetches.counts {
		c.N = n
		all = append(all, c)
	}
	return all
}
