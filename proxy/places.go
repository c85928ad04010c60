package proxy

import (
	"container/list"
	"log/slog"
	"sync"
	"time"

	"wxproxy/internal/lograte"
)

// A role is what a connection is counted as.
type role int

const (
	roleCaller  role = iota // one of max_connections
	roleSurplus             // one more, which is told so
	roleEnding              // it was closed, so that another one may have its place
	roles
)

// places bound how many callers are connected, and decide who has to go when there
// are too many: nobody who has proven to be a client.
type places struct {
	limits      Limits
	asksForKeys func() bool
	log         *slog.Logger

	mu        sync.Mutex // guards what follows
	taken     [roles]int
	strangers *list.List // connections at a place that have proven nothing; who rests longest is first

	crowded, short lograte.Line
}

const (
	// keptDescriptors is how many descriptors callers leave for connections to WeChat
	// and for files, a quarter if there are few.
	keptDescriptors = 64

	// maxEnding is how many connections may be on their way out at a time.
	maxEnding = 256

	// maxLooks is how many strangers are looked at to find one that rests.
	maxLooks = 64
)

func newPlaces(limits Limits, asksForKeys func() bool, log *slog.Logger) places {
	return places{limits: limits, asksForKeys: asksForKeys, log: log, strangers: list.New()}
}

// enter gives a connection a place, and reports whether there was one. It never
// waits for a caller.
func (p *places) enter(c *callerConn) bool {
	c.places, c.patience, c.bodyGrace, c.strangerTime = p, p.limits.Patience, p.limits.BodyGrace, p.limits.StrangerTime
	short, asks := p.isShort(c), p.asksForKeys()
	full, entered := p.seat(c, short, asks)
	switch {
	case short:
		p.short.Note(p.tellShort)
	case full:
		p.crowded.Note(p.tellCrowded)
	}
	return entered
}

// seat is what enter does under the lock. Full is how it was before.
func (p *places) seat(c *callerConn, short, asksForKeys bool) (full, entered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	full = p.taken[roleCaller] >= p.limits.MaxConnections
	switch {
	case !full && !short, (asksForKeys || short) && p.makeRoom():
		c.role, c.stranger = roleCaller, p.strangers.PushBack(c)
	case short || p.taken[roleSurplus] >= surplusConnections:
		return full, false
	default:
		c.role, c.surplus = roleSurplus, time.Now().Add(surplusTime)
	}
	p.taken[c.role]++
	return full, true
}

// admit reports whether the request of a connection that was one too many when it
// came can be handled after all: others have left since then, or it shows a key and
// others have not.
func (p *places) admit(c *callerConn, showsKey bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[roleCaller] >= p.limits.MaxConnections && (!showsKey || !p.makeRoom()) {
		return false
	}
	p.taken[roleSurplus]--
	p.taken[roleCaller]++
	c.role, c.surplus = roleCaller, time.Time{}
	if !showsKey {
		c.stranger = p.strangers.PushBack(c)
	}
	return true
}

// isShort reports whether descriptors are about to run out. The kernel gives the
// lowest number that is free, so that it says how many are in use.
func (p *places) isShort(c *callerConn) bool {
	all := p.limits.Descriptors
	return all > 0 && descriptorOf(c.Conn) >= all-min(keptDescriptors, all/4)
}

// makeRoom closes the stranger that rests longest: it has sent no complete request,
// or one that was refused. It reports whether there was one. The caller holds p.mu.
func (p *places) makeRoom() bool {
	if p.taken[roleEnding] >= maxEnding {
		return false
	}
	for range min(maxLooks, p.strangers.Len()) {
		first := p.strangers.Front()
		c := first.Value.(*callerConn) //nolint:forcetypeassert // nothing else is in the list
		if c.answering.Load() && !c.ending.Load() && !c.unheard.Load() {
			p.strangers.MoveToBack(first)
			continue
		}
		p.strangers.Remove(first)
		p.taken[roleCaller]--
		p.taken[roleEnding]++
		c.role, c.stranger = roleEnding, nil
		go c.Close() // which waits for a request that has just begun
		return true
	}
	return false
}

// prove notes that c has proven to be a client.
func (p *places) prove(c *callerConn) {
	c.proven = true
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meet(c)
}

// meet takes c from the strangers. The caller holds p.mu.
func (p *places) meet(c *callerConn) {
	if c.stranger != nil {
		p.strangers.Remove(c.stranger)
		c.stranger = nil
	}
}

// leave gives the place of a connection back that has ended.
func (p *places) leave(c *callerConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meet(c)
	p.taken[c.role]--
}

func (p *places) tellShort(count int) {
	p.log.Warn("open files run out; connections that show no client's key are closed",
		"limit", p.limits.Descriptors, "connections", count, "remedy", "raise the limit of open files: LimitNOFILE= of systemd, ulimit -n of a shell")
}

func (p *places) tellCrowded(count int) {
	p.log.Warn("max_connections are open; those that show no client's key make room for others, and if there is none the next ones are refused",
		"max_connections", p.limits.MaxConnections, "connections", count)
}
