package proxy

import (
	"sync/atomic"
	"time"
)

const (
	// closedFor is how long a path is remembered on which sending again with the token
	// that WeChat stands by was in vain.
	closedFor = 30 * time.Second

	// maxClosed is how many of them are remembered, the last ones, and maxClosedPath
	// how long they may be. WeChat's have some thirty bytes.
	maxClosed     = 16
	maxClosedPath = 256
)

// closedAPIs remembers where that was, for one account. WeChat refuses good tokens in
// two ways: now and then anywhere, which passes with the next attempt, and always on
// an API that is not open to the account.
type closedAPIs struct{ known atomic.Pointer[[]closedAPI] } // replaced, not edited; nil: none

type closedAPI struct {
	path  string
	until time.Time
}

// has reports whether another attempt on path would be in vain.
func (c *closedAPIs) has(path []byte) bool {
	known := c.known.Load()
	if known == nil {
		return false
	}
	now := time.Now()
	for _, api := range *known {
		if api.path == string(path) && now.Before(api.until) {
			return true
		}
	}
	return false
}

// add remembers path, and forgets what is over.
func (c *closedAPIs) add(path []byte) {
	if len(path) > maxClosedPath {
		return
	}
	now := time.Now()
	for {
		known := c.known.Load()
		next := []closedAPI{{string(path), now.Add(closedFor)}}
		if known != nil {
			for _, api := range *known {
				if api.path != string(path) && now.Before(api.until) && len(next) < maxClosed {
					next = append(next, api)
				}
			}
		}
		if c.known.CompareAndSwap(known, &next) {
			return
		}
	}
}
