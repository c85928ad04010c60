package front

import (
	"container/list"
	"time"

	"wxproxy/proxy/internal/socket"
)

// strangers are connections that have proven nothing: who rests longest is first.
// Those that have never sent a byte go before all others, however fast they come.
type unproven struct{ silent, heard *list.List }

// maxExamined is how many strangers are looked at to find one that rests.
const maxExamined = 64

func newUnproven() unproven { return unproven{list.New(), list.New()} }

// of returns the list that c belongs to.
func (s *unproven) of(c *Conn) *list.List {
	if c.heard {
		return s.heard
	}
	return s.silent
}

func (s *unproven) add(c *Conn) { c.since, c.listed = time.Now(), s.of(c).PushBack(c) }

// remove takes c out, if it is one of them.
func (s *unproven) remove(c *Conn) {
	if c.listed != nil {
		s.of(c).Remove(c.listed)
		c.listed = nil
	}
}

// takeIdle takes out the one that rests longest and returns it; nil if all have a
// request under way. Something that has come and that nobody has read yet is, on a
// busy machine, a newcomer's request: these go last. Nobody has to go within grace.
func (s *unproven) takeIdle(grace time.Duration) *Conn {
	for _, spared := range []func(*Conn) bool{(*Conn).isUnread, (*Conn).isAnswering} {
		for _, all := range []*list.List{s.silent, s.heard} {
			if c := firstNot(all, spared); c != nil && time.Since(c.since) >= grace {
				s.remove(c)
				return c
			}
		}
	}
	return nil
}

// longest returns the first one that is not spared.
func firstNot(all *list.List, spared func(*Conn) bool) *Conn {
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

// makeRoom closes the stranger that rests longest: it has sent no complete request,
// or one that was refused. It reports whether there was one, grace after it
// came. The caller holds s.mu.
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

// hear notes that c has sent its first byte.
func (s *slots) noteFirstByte(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stranger := c.listed != nil
	s.unproven.remove(c)
	if c.heard = true; stranger {
		s.unproven.add(c)
	}
}

// prove notes that c has proven to be a client.
func (s *slots) prove(c *Conn) {
	c.proven = true
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unproven.remove(c)
}

// note notes that n bytes came.
func (c *Conn) noteRead(n int) {
	if n > 0 && !c.spoke {
		c.spoke = true
		c.slots.noteFirstByte(c)
	}
}

// isAnswering reports whether a request is under way that may be a client's.
func (c *Conn) isAnswering() bool {
	return c.answering.Load() && !c.ending.Load() && !c.unproven.Load()
}

// isUnread reports that too, or that something has come that nobody has read yet.
func (c *Conn) isUnread() bool {
	return c.isAnswering() || !c.ending.Load() && !c.unproven.Load() && socket.HasUnread(c.Conn)
}
