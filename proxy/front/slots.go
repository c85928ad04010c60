package front

import (
	"log/slog"
	"sync"
	"time"

	"wxproxy/internal/lograte"
)

// A slot is what a connection is counted as.
type slot int

const (
	slotCaller  slot = iota // one of max_connections
	slotSurplus             // one more, which is told so
	slotClosing             // it is being closed, so that another one may have its slot
	slotKinds
)

// A slots bounds how many callers are connected, and decides which connection is closed
// when there are too many: none whose caller has proven to be a client or, where there
// are no clients, has sent a request that was taken.
type slots struct {
	limits Limits
	grace  time.Duration // unprovenGrace
	most   [slotKinds]int
	log    *slog.Logger

	mu       sync.Mutex // guards what follows
	taken    [slotKinds]int
	unproven unproven

	released  chan struct{} // of capacity 1: a slot was given back
	exhausted lograte.Line
}

const (
	// SpareConnections is how many callers' connections there may be beyond
	// MaxConnections: half of them are told so, half are being closed.
	SpareConnections = 2 * surplusConnections

	// unprovenGrace is how long an unproven connection has at least to send something,
	// while there are other slots for a new one: many good callers may come at once.
	unprovenGrace = 100 * time.Millisecond

	// closingTime is how long a new connection waits for others that are being closed.
	closingTime = 100 * time.Millisecond
)

func newSlots(limits Limits, log *slog.Logger) slots {
	return slots{limits: limits, grace: unprovenGrace, most: limits.slots(), log: log, unproven: newUnproven(), released: make(chan struct{}, 1)}
}

// Callers returns how many callers may be connected at a time: MaxConnections, or
// what descriptors are there for.
func (l Limits) Callers() int { return l.slots()[slotCaller] }

// slots returns how many connections each kind of slot is for. Where descriptors are
// few, a sixteenth of them is for surplus connections, and as many for those that are
// being closed.
func (l Limits) slots() [slotKinds]int {
	most, spare := l.MaxConnections, surplusConnections
	if l.Descriptors > 0 {
		spare = min(spare, max(1, l.Descriptors/16))
		most = min(most, max(1, l.Descriptors-2*spare))
	}
	return [slotKinds]int{slotCaller: most, slotSurplus: spare, slotClosing: spare}
}

// take gives a connection a slot, and reports whether there was one. It waits for no
// caller.
func (s *slots) take(c *Conn) bool {
	c.slots = s
	c.stallTimeout, c.bodyGrace, c.unprovenBodyTime = s.limits.StallTimeout, s.limits.BodyGrace, s.limits.UnprovenBodyTime
	s.awaitClosing()
	wasFull, taken := s.tryTake(c)
	if wasFull {
		s.exhausted.Note(s.logExhausted)
	}
	return taken
}

// awaitClosing waits a little while as many connections are being closed as may be.
// Each takes a moment of its own goroutine; a connection that is accepted meanwhile
// would find no slot, and has done nothing wrong.
func (s *slots) awaitClosing() {
	if !s.mustWait() {
		return
	}
	timer := time.NewTimer(closingTime)
	defer timer.Stop()
	for s.mustWait() {
		select {
		case <-s.released:
		case <-timer.C:
			return
		}
	}
}

// mustWait reports whether no caller can have a slot before one is given back.
func (s *slots) mustWait() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isFull(slotCaller) && s.isFull(slotClosing)
}

// isFull reports whether all slots of a kind are taken. The caller holds s.mu.
func (s *slots) isFull(k slot) bool { return s.taken[k] >= s.most[k] }

// tryTake gives a connection a slot, if there is one, and says whether those of callers
// were full before.
func (s *slots) tryTake(c *Conn) (wasFull, taken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wasFull = s.isFull(slotCaller)
	switch {
	case !wasFull, s.makeRoom(s.grace), s.isFull(slotSurplus) && s.makeRoom(0):
		c.slot = slotCaller
		s.unproven.add(c)
	case s.isFull(slotSurplus):
		return wasFull, false
	default:
		c.slot, c.surplus = slotSurplus, time.Now().Add(surplusTime)
	}
	s.taken[c.slot]++
	return wasFull, true
}

// admit reports whether the request of a surplus connection can be handled after all:
// others have left since it came, or it proves whose it is and others have not. A key
// does not wait for the grace of others.
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

// release gives the slot of a connection back that has ended.
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
