package front

import (
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
// are too many: nobody who has proven to be a client or, where there are none, has
// sent a request that was taken.
type places struct {
	limits Limits
	grace  time.Duration
	most   [roles]int
	log    *slog.Logger

	mu        sync.Mutex // guards what follows
	taken     [roles]int
	strangers strangers // who have a place

	left    chan struct{} // of capacity 1: one that was on its way out is gone
	crowded lograte.Line
}

const (
	// SpareConnections is how many callers' connections there may be beyond
	// MaxConnections: half of them are told so, half are on their way out.
	SpareConnections = 2 * surplusConnections

	// graceTime is how long a stranger has at least to say something, while there are
	// other places to put a newcomer: many good callers may come at once.
	graceTime = 100 * time.Millisecond

	// exitTime is how long a newcomer waits for others who are on their way out.
	exitTime = 100 * time.Millisecond
)

func newPlaces(limits Limits, log *slog.Logger) places {
	return places{limits: limits, grace: graceTime, most: limits.roles(), log: log, strangers: newStrangers(), left: make(chan struct{}, 1)}
}

// Callers returns how many callers may be connected at a time: MaxConnections, or
// what descriptors are there for.
func (l Limits) Callers() int { return l.roles()[roleCaller] }

// roles returns how many connections may have each role. Where descriptors are few,
// a sixteenth of them is for each of those that are no callers.
func (l Limits) roles() [roles]int {
	most, spare := l.MaxConnections, surplusConnections
	if l.Descriptors > 0 {
		spare = min(spare, max(1, l.Descriptors/16))
		most = min(most, max(1, l.Descriptors-2*spare))
	}
	return [roles]int{roleCaller: most, roleSurplus: spare, roleEnding: spare}
}

// enter gives a connection a place, and reports whether there was one. It waits for
// no caller.
func (p *places) enter(c *Conn) bool {
	c.places, c.patience, c.bodyGrace, c.strangerTime = p, p.limits.Patience, p.limits.BodyGrace, p.limits.StrangerTime
	p.awaitExit()
	full, entered := p.seat(c)
	if full {
		p.crowded.Note(p.tellCrowded)
	}
	return entered
}

// awaitExit waits a little while as many connections are on their way out as may be.
// Each takes a moment of its own goroutine; who is accepted meanwhile would find no
// place, and has done nothing wrong.
func (p *places) awaitExit() {
	if !p.isJammed() {
		return
	}
	timer := time.NewTimer(exitTime)
	defer timer.Stop()
	for p.isJammed() {
		select {
		case <-p.left:
		case <-timer.C:
			return
		}
	}
}

// isJammed reports whether nobody can have a place before somebody is gone.
func (p *places) isJammed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.isFull(roleCaller) && p.isFull(roleEnding)
}

// isFull reports whether no further connection may have the role. The caller holds
// p.mu.
func (p *places) isFull(r role) bool { return p.taken[r] >= p.most[r] }

// seat is what enter does under the lock. Full is how it was before.
func (p *places) seat(c *Conn) (full, entered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	full = p.isFull(roleCaller)
	switch {
	case !full, p.makeRoom(p.grace), p.isFull(roleSurplus) && p.makeRoom(0):
		c.role = roleCaller
		p.strangers.add(c)
	case p.isFull(roleSurplus):
		return full, false
	default:
		c.role, c.surplus = roleSurplus, time.Now().Add(surplusTime)
	}
	p.taken[c.role]++
	return full, true
}

// admit reports whether the request of a connection that was one too many when it
// came can be handled after all: others have left since then, or it proves itself and
// others have not. A key beats whoever has just come.
func (p *places) admit(c *Conn, proves, byKey bool) bool {
	grace := p.grace
	if byKey {
		grace = 0
	}
	p.awaitExit()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isFull(roleCaller) && (!proves || !p.makeRoom(grace)) {
		return false
	}
	p.taken[roleSurplus]--
	p.taken[roleCaller]++
	c.role, c.surplus = roleCaller, time.Time{}
	p.strangers.add(c) // until it has its answer
	return true
}

// leave gives the place of a connection back that has ended.
func (p *places) leave(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strangers.remove(c)
	p.taken[c.role]--
	select {
	case p.left <- struct{}{}:
	default:
	}
}

func (p *places) tellCrowded(count int) {
	p.log.Warn("max_connections are open; those that show no client's key make room for others, and if there is none the next ones are refused",
		"max_connections", p.most[roleCaller], "connections", count)
}
