package front

import (
	"container/list"
	"time"

	"wxproxy/proxy/internal/socket"
)

// An unproven list has the connections with a caller's slot whose callers have not
// proven to be clients, the longest idle first. Those that have never sent a byte make
// room before all others, however fast they come.
type unproven struct{ silent, sent *list.List }

// maxExamined is how many connections are looked at to find an idle one.
const maxExamined = 64

func newUnproven() unproven { return unproven{list.New(), list.New()} }

// of returns the list that c belongs to.
func (u *unproven) of(c *Conn) *list.List {
	if c.sent {
		return u.sent
	}
	return u.silent
}

func (u *unproven) add(c *Conn) { c.since, c.listed = time.Now(), u.of(c).PushBack(c) }

// remove takes c out, if it is one of them.
func (u *unproven) remove(c *Conn) {
	if c.listed != nil {
		u.of(c).Remove(c.listed)
		c.listed = nil
	}
}

// takeIdle takes out the connection that has been idle longest and returns it; nil if
// there is none, or if it came less than grace ago. Bytes that have come and that
// nobody has read yet are, on a busy machine, a good caller's request: connections with
// such are taken only if there are no others, and those with a request under way never.
func (u *unproven) takeIdle(grace time.Duration) *Conn {
	for _, spared := range []func(*Conn) bool{(*Conn).isBusyOrUnread, (*Conn).isBusy} {
		for _, all := range []*list.List{u.silent, u.sent} {
			if c := firstExcept(all, spared); c != nil && time.Since(c.since) >= grace {
				u.remove(c)
				return c
			}
		}
	}
	return nil
}

// firstExcept returns the first one that is not spared. It moves spared ones to the back, so
// that the next search begins with others.
func firstExcept(all *list.List, spared func(*Conn) bool) *Conn {
	for range min(maxExamined, all.Len()) {
		first := all.Front()
		c := first.Value.(*Conn) //nolint:forcetypeassert // nothing else is in the list
		if !spared(c) {
			return c
		}
		all.MoveToBack(first)
	}
	return nil
}

// isBusy reports whether a request is under way that may be a client's. One that has
// yet to show whose it is counts as none.
func (c *Conn) isBusy() bool {
	return c.phase.get() != phaseIdle && c.mayServeClient()
}

// isBusyOrUnread reports whether that is so, or bytes have come that nobody has read.
func (c *Conn) isBusyOrUnread() bool {
	return c.isBusy() || c.mayServeClient() && socket.HasUnread(c.Conn)
}

func (c *Conn) mayServeClient() bool { return !c.closing.Load() && c.body.get() != bodyUnproven }

// makeRoom closes the unproven connection that has been idle longest: it has sent no
// complete request, or one that was refused. It reports whether there was one, grace
// after it came. The caller holds s.mu.
func (s *slots) makeRoom(grace time.Duration) bool {
	if s.isFull(slotClosing) {
		return false
	}
	c := s.unproven.takeIdle(grace)
	if c == nil {
		return false
	}
	s.taken[slotCaller]--
	s.taken[slotClosing]++
	c.slot = slotClosing
	go c.Close() // which waits for a request that has just begun
	return true
}

// noteFirstByte notes that c has sent its first byte.
func (s *slots) noteFirstByte(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wasListed := c.listed != nil
	s.unproven.remove(c)
	if c.sent = true; wasListed {
		s.unproven.add(c)
	}
}

// noteProven notes that c has proven to be a client.
func (s *slots) noteProven(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unproven.remove(c)
}
