// Package closedapis remembers which APIs refuse good tokens.
package closedapis

import (
	"hash/maphash"
	"sync"
	"time"
)

const (
	// closedFor is how long a path is remembered on which sending again with the token
	// that WeChat stands by was in vain.
	closedFor = 30 * time.Second

	// maxClosed is how many of them are remembered, the last ones: more than WeChat
	// has APIs. They take some 50 KiB, for half a minute.
	maxClosed = 1000
)

// A Set remembers where that was, for one account. WeChat refuses good tokens in
// two ways: now and then anywhere, which passes with the next attempt, and always on
// an API that is not open to the account. Only requests that WeChat refused get here.
type Set struct {
	seed maphash.Seed

	mu    sync.Mutex           // guards until
	until map[uint64]time.Time // by the path's hash; nil: none
}

// Has reports whether another attempt on path would be in vain.
func (c *Set) Has(path []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.until) == 0 {
		return false
	}
	return time.Now().Before(c.until[maphash.Bytes(c.seed, path)])
}

// Add remembers path.
func (c *Set) Add(path []byte) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.until == nil {
		c.seed, c.until = maphash.MakeSeed(), map[uint64]time.Time{}
		time.AfterFunc(closedFor, c.forget)
	}
	api := maphash.Bytes(c.seed, path)
	if _, known := c.until[api]; !known && len(c.until) >= maxClosed {
		delete(c.until, c.oldest())
	}
	c.until[api] = now.Add(closedFor)
}

// oldest returns the one that is forgotten first. The caller holds c.mu.
func (c *Set) oldest() (oldest uint64) {
	var first time.Time
	for api, until := range c.until {
		if first.IsZero() || until.Before(first) {
			oldest, first = api, until
		}
	}
	return oldest
}

// forget gives the memory of what is over back.
func (c *Set) forget() {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for api, until := range c.until {
		if !now.Before(until) {
			delete(c.until, api)
		}
	}
	if len(c.until) == 0 {
		c.until = nil
		return
	}
	time.AfterFunc(closedFor, c.forget)
}
