package upstream

import (
	"slices"
	"sync"
	"time"
)

// A reuse says which idle connections a request may be sent over.
type reuse int

const (
	reuseNone   reuse = iota
	reuseProven       // those that have rested no longer than is proven to be safe
	reuseAny          // those that are open as far as can be seen
)

// maxAge is how long a connection is used, so that requests follow when the name of a
// host gets other addresses.
const maxAge = 5 * time.Minute

// maxKept is how many idle connections are kept while WeChat is known to close them:
// POSTs take new ones then, and each would leave one more behind.
const maxKept = 8

// idleConns are the idle connections to one host. The one that became idle last is at
// the end, and is used first, because it is the least likely to have been closed. How
// long one may have rested for a POST to take it is proven, by what was seen of them
// all (see provenRest).
type idleConns struct {
	mu       sync.Mutex // guards what follows
	conns    []*conn
	closed   bool // nothing is kept any more
	proven   provenRest
	answered time.Time // when the last answer over one was complete
}

// push keeps c, which has become idle, or closes it if it is of no use.
func (i *idleConns) push(c *conn) {
	if c.host.isDown() || c.idleFrom.Sub(c.born) > maxAge || !i.keep(c) {
		c.Close()
	}
}

// keep reports whether c is kept, and notes that its host has answered.
func (i *idleConns) keep(c *conn) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answered = c.idleFrom
	keep := !i.closed && (len(i.conns) < maxKept || !i.proven.isBounded(c.idleFrom))
	if keep {
		i.conns = append(i.conns, c)
	}
	return keep
}

// take returns the connection that became idle last, or nil if there is none.
func (i *idleConns) take() *conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	last := len(i.conns) - 1
	if last < 0 {
		return nil
	}
	c := i.conns[last]
	i.conns[last] = nil
	i.conns = i.conns[:last]
	return c
}

// noteTaken remembers that c, which was taken, was found open at the time now, or
// closed, and reports whether c may be used as use says. For WeChat c may have been idle
// almost since its last request was written, so that its rest counts from then on when
// it is compared with what is proven, and from its answer when it proves something.
func (i *idleConns) noteTaken(c *conn, open bool, use reuse, now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.proven.note(open, now.Sub(c.idleFrom), now)
	return open && (use == reuseAny || i.proven.covers(now.Sub(c.sent), now))
}

// noteClosed remembers that c turned out to be closed when a request was sent over it.
func (i *idleConns) noteClosed(c *conn) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	i.proven.note(false, now.Sub(c.idleFrom), now)
}

// trim closes the connections that have rested longest until there are no more than
// room, and returns how many are left.
func (i *idleConns) trim(room int) int {
	i.mu.Lock()
	surplus := slices.Clone(i.conns[:max(0, len(i.conns)-room)])
	i.conns = slices.Delete(i.conns, 0, len(surplus))
	kept := len(i.conns)
	i.mu.Unlock()
	for _, c := range surplus {
		c.Close()
	}
	return kept
}

// count returns how many there are.
func (i *idleConns) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.conns)
}

// answeredSince reports whether the host has completed an answer after t.
func (i *idleConns) answeredSince(t time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.answered.After(t)
}

// close closes all connections, and those that become idle later.
func (i *idleConns) close() {
	i.mu.Lock()
	i.closed = true
	i.mu.Unlock()
	i.trim(0)
}
