package upstream

import (
	"context"
	"slices"
	"time"

	"wxproxy/proxy/internal/socket"
)

// sweepIdle looks at the idle connections every so often until ctx ends. It closes those
// that are of no use any more; the others prove how long connections can rest.
func (h *Hosts) sweepIdle(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery(h.config.IdleTimeout))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, host := range h.hosts {
			host.idle.sweep(h.config.MaxConnections, h.config.IdleTimeout)
		}
	}
}

// sweepEvery returns how often to sweep, given how long connections may rest.
func sweepEvery(idleTimeout time.Duration) time.Duration {
	return max(10*time.Millisecond, min(500*time.Millisecond, idleTimeout/10))
}

// A resting is an idle connection as the sweeper saw it.
type resting struct {
	conn    *conn
	from    time.Time // when it became idle
	rest    time.Duration
	expired bool // it is not used any more
}

// sweep looks once at each of the n connections that have rested longest. Requests can
// use them meanwhile.
func (i *idleConns) sweep(n int, idleTimeout time.Duration) {
	for _, r := range i.longest(n, idleTimeout) {
		open := socket.IsSilent(r.conn.socket)
		if open {
			i.noteOpen(r.rest)
		}
		if (r.expired || !open) && i.discard(r, open) {
			r.conn.Close()
		}
	}
}

// longest returns the n connections that have rested longest.
func (i *idleConns) longest(n int, idleTimeout time.Duration) []resting {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	var longest []resting
	for _, c := range i.conns[:min(n, len(i.conns))] {
		rest := now.Sub(c.idleFrom)
		longest = append(longest, resting{c, c.idleFrom, rest, rest >= idleTimeout || now.Sub(c.born) > maxAge})
	}
	return longest
}

// noteOpen remembers that a connection that had rested so long was found open.
func (i *idleConns) noteOpen(rest time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.proven.note(true, rest, time.Now())
}

// discard removes a connection unless a request has taken it since, and reports whether
// it did. If the connection was found closed, that is remembered.
func (i *idleConns) discard(r resting, open bool) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	at := slices.IndexFunc(i.conns, func(c *conn) bool { return c == r.conn && c.idleFrom.Equal(r.from) })
	if at < 0 {
		return false
	}
	i.conns = slices.Delete(i.conns, at, at+1)
	if !open {
		i.proven.note(false, r.rest, time.Now())
	}
	return true
}
