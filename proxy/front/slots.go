package front

import (
	"log/slog"
	"sync"
	"time"

	"wxproxy/internal/lograte"
)

// A role is what a connection is counted as.
type slot int

const (
	slotCaller  slot = iota // one of max_connections
	slotSurplus             // one more, which is told so
	slotClosing             // it was closed, so that another one may have its place
	slotKinds
)

// slots bound how many callers are connected, and decide who has to go when there
// are too many: nobody who has proven to be a client or, where there are none, has
// sent a request that was taken.
type slots struct {
	limits Limits
	grace  time.Duration
	most   [slotKinds]int
	log    *slog.Logger

	mu       sync.Mutex // guards what follows
	taken    [slotKinds]int
	unproven unproven // who have a place

	released  chan struct{} // of capacity 1: one that was on its way out is gone
	exhausted lograte.Line
}

const (
	// SpareConnections is how many callers' connections there may be beyond
	// MaxConnections: half of them are told so, half are on their way out.
	SpareConnections = 2 * surplusConnections

	// unprovenGrace is how long a stranger has at least to say something, while there are
	// other slots to put a newcomer: many good callers may come at once.
	unprovenGrace = 100 * time.Millisecond

	// closingTime is how long a newcomer waits for others who are on their way out.
	closingTime = 100 * time.Millisecond
)

func newSlots(limits Limits, log *slog.Logger) slots {
	return slots{limits: limits, grace: unprovenGrace, most: limits.slots(), log: log, unproven: newUnproven(), released: make(chan struct{}, 1)}
}

// Callers returns how many callers may be connected at a time: MaxConnections, or
// what descriptors are there for.
func (l Limits) Callers() int { return l.slots()[slotCaller] }

// roles returns how many connections may have each role. Where descriptors are few,
// a sixteenth of them is for each of those that are no callers.
func (l Limits) slots() [slotKinds]int {
	most, spare := l.MaxConnections, surplusConnections
	if l.Descriptors > 0 {
		spare = min(spare, max(1, l.Descriptors/16))
		most = min(most, max(1, l.Descriptors-2*spare))
	}
	return [slotKinds]int{slotCaller: most, slotSurplus: spare, slotClosing: spare}
}

// enter gives a connection a place, and reports whether there was one. It waits for
// no caller.
func (s *slots) take(c *Conn) bool {
	c.slots, c.stallTimeout, c.bodyGrace, c.unprovenBodyTime = s, s.limits.StallTimeout, s.limits.BodyGrace, s.limits.UnprovenBodyTime
	s.awaitClosing()
	full, entered := s.tryTake(c)
	if full {
		s.exhausted.Note(s.logExhausted)
	}
	return entered
}

// awaitClosing waits a little while as many connections are on their way out as may be.
// Each takes a moment of its own goroutine; who is accepted meanwhile would find no
// place, and has done nothing wrong.
func (s *slots) awaitClosing() {
	if !s.isExhausted() {
		return
	}
	timer := time.NewTimer(closingTime)
	defer timer.Stop()
	for s.isExhausted() {
		select {
		case <-s.released:
		case <-timer.C:
			return
		}
	}
}

// isExhausted reports whether nobody can have a place before somebody is gone.
func (s *slots) isExhausted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isFull(slotCaller) && s.isFull(slotClosing)
}

// isFull reports whether no further connection may have the role. The caller holds
// s.mu.
func (s *slots) isFull(k slot) bool { return s.taken[k] >= s.most[k] }

// seat is what enter does under the lock. Full is how it was before.
func (s *slots) tryTake(c *Conn) (full, entered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	full = s.isFull(slotCaller)
	switch {
	case !full, s.makeRoom(s.grace), s.isFull(slotSurplus) && s.makeRoom(0):
		c.slot = slotCaller
		s.unproven.add(c)
	case s.isFull(slotSurplus):
		return full, false
	default:
		c.slot, c.surplus = slotSurplus, time.Now().Add(surplusTime)
	}
	s.taken[c.slot]++
	return full, true
}

// admit reports whether the request of a connection that was one too many when it
// came can be handled after all: others have left since then, or it proves itself and
// others have not. A key beats whoever has just come.
func (s *slots) admit(c *Conn, proves, byKey bool) bool {
	grace := s.grace
	if byKey {
		grace = 0
	}
	s.awaitClosing()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isFull(slotCaller) && (!proves || !s.makeRoom(grace)) {
		return false
	}
	s.taken[slotSurplus]--
	s.taken[slotCaller]++
	c.slot, c.surplus = slotCaller, time.Time{}
	s.unproven.add(c) // until it has its answer
	return true
}

// leave gives the place of a connection back that has ended.
func (s *slots) release(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unproven.remove(c)
	s.taken[c.slot]--
	select {
	case s.released <- struct{}{}:
	default:
	}
}

func (s *slots) logExhausted(count int) {
	s.log.Warn("max_connections are open; those that show no client's key make room for others, and if there is none the next ones are refused",
		"max_connections", s.most[slotCaller], "connections", count)
}
