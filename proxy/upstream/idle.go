package upstream

import (
	"slices"
	"sync"
	"time"

	"wxproxy/proxy/internal/socket"
)

// How a request may use an idle connection.
type reuse int

const (
	reuseNone   reuse = iota // not at all
	reuseProven              // if WeChat is known not to close one so soon
	reuseAny                 // if it seems to be alive
)

// maxAge is how long a connection is used, so that requests follow when the
// name of a host leads elsewhere.
const maxAge = 5 * time.Minute

// deathCounts is how long a connection that was found closed bounds what is
// proven.
const deathCounts = time.Minute

// busyTime is for how long a busy machine may leave a request waiting.
const busyTime = 10 * time.Millisecond

// comfort is how long WeChat has to keep idle connections open for a message to
// be sent over one: below, no margin is safe on a busy machine.
const comfort = time.Second

// keptWhileDying is how many connections are kept while WeChat is known to close
// them: messages take new ones then, and would leave one behind each.
const keptWhileDying = 8

// idleConns are the idle connections to one host, the one that became idle last
// at the end. It is used first: it is the least likely to have been closed.
//
// A request that may not be sent twice must not meet a connection that is just
// being closed. proven is how long a connection can rest without being closed:
// the longest time after which one was found alive, and at most the time after
// which one was found closed a short while ago.
type idleConns struct {
	mu        sync.Mutex // guards what follows
	conns     []*conn
	closed    bool // nothing is kept any more
	proven    time.Duration
	death     time.Duration // how long the connection that died youngest had rested
	deathEnds time.Time     // when that does not count any more
	answered  time.Time     // when the last answer over one was complete
}

// push keeps c, or closes it if it is of no use.
func (i *idleConns) push(c *conn) {
	if c.host.isDown() || c.idleFrom.Sub(c.born) > maxAge || !i.keep(c) {
		c.Close()
	}
}

func (i *idleConns) keep(c *conn) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answered = c.idleFrom
	keep := !i.closed && (len(i.conns) < keptWhileDying || !c.idleFrom.Before(i.deathEnds))
	if keep {
		i.conns = append(i.conns, c)
	}
	return keep
}

// take returns the connection used last, or nil if there is none.
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

// isProven reports whether c surely stays open until a request has reached
// WeChat. For WeChat, c may have been idle almost since the last request was sent. A
// margin of factor two is left, and while WeChat is known to close connections
// soon some more, for moments in which this machine or WeChat's is busy.
func (i *idleConns) isProven(c *conn, now time.Time) bool {
	rest := now.Sub(c.sent)
	if now.Before(i.deathEnds) {
		if i.death < comfort {
			return false
		}
		rest += busyTime
	}
	return rest < i.proven/2
}

// observe remembers that c, which was taken, is alive at the time now, or is not.
// It reports whether c may be used so.
func (i *idleConns) observe(c *conn, silent bool, use reuse, now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.learn(silent, now.Sub(c.idleFrom), now)
	return silent && (use == reuseAny || i.isProven(c, now))
}

// foundClosed remembers that c turned out to be closed when it was used.
func (i *idleConns) foundClosed(c *conn) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.learn(false, time.Since(c.idleFrom), time.Now())
}

// learn takes into account that at the time now a connection, idle for age, was
// alive or was not.
func (i *idleConns) learn(alive bool, age time.Duration, now time.Time) {
	counts := now.Before(i.deathEnds)
	switch {
	case !alive:
		i.proven = min(i.proven, age)
		if !counts || age <= i.death {
			i.death, i.deathEnds = age, now.Add(deathCounts)
		}
	case !socket.CanLook: // it only seems to be alive
	case counts:
		i.proven = max(i.proven, min(age, i.death))
	default:
		i.proven = max(i.proven, age)
	}
}

// trim closes the connections that were idle longest until there are no more
// than room, and returns how many there are.
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

// answeredSince reports whether an answer came over one of them after t.
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
