package upstream

import (
	"context"
	"slices"
	"time"

	"wxproxy/proxy/internal/socket"
)

// sweepIdle looks at the idle connections every so often until ctx ends: it
// closes those that are of no use any more, and learns from the others how long
// WeChat lets connections rest.
func (h *Hosts) sweepIdle(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery(h.limit.IdleTimeout))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, host := range h.hosts {
			host.idle.sweep(h.limit.MaxConnections, h.limit.IdleTimeout)
		}
	}
}

// sweepEvery returns how often to sweep, given how long connections may rest.
func sweepEvery(idleTimeout time.Duration) time.Duration {
	return max(10*time.Millisecond, min(500*time.Millisecond, idleTimeout/10))
}

// A resting is an idle connection as the sweeper saw it.
type resting struct {
	conn *conn
	from time.Time // when it became idle
	age  time.Duration
	old  bool // it is not used any more
}

// sweep looks once at each of the n connections that were idle longest, without
// keeping a request from using them meanwhile.
func (i *idleConns) sweep(n int, idleTimeout time.Duration) {
	for _, r := range i.longest(n, idleTimeout) {
		silent := socket.IsSilent(r.conn.socket)
		if silent {
			i.sawAlive(r.age)
		}
		if (r.old || !silent) && i.discard(r, silent) {
			r.conn.Close()
		}
	}
}

func (i *idleConns) longest(n int, idleTimeout time.Duration) []resting {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	var longest []resting
	for _, c := range i.conns[:min(n, len(i.conns))] {
		age := now.Sub(c.idleFrom)
		longest = append(longest, resting{c, c.idleFrom, age, age >= idleTimeout || now.Sub(c.born) > maxAge})
	}
	return longest
}

func (i *idleConns) sawAlive(age time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.learn(true, age, time.Now())
}

// discard removes a connection that is still resting, and reports whether it
// was.
func (i *idleConns) discard(r resting, silent bool) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	at := slices.IndexFunc(i.conns, func(c *conn) bool { return c == r.conn && c.idleFrom.Equal(r.from) })
	if at < 0 {
		return false
	}
	i.conns = slices.Delete(i.conns, at, at+1)
	if !silent {
		i.learn(false, r.age, time.Now())
	}
	return true
}
