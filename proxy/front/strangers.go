package front

import (
	"container/list"
	"time"

	"wxproxy/proxy/internal/socket"
)

// strangers are connections that have proven nothing: who rests longest is first.
// Those that have never sent a byte go before all others, however fast they come.
type strangers struct{ silent, heard *list.List }

// maxLooks is how many strangers are looked at to find one that rests.
const maxLooks = 64

func newStrangers() strangers { return strangers{list.New(), list.New()} }

// of returns the list that c belongs to.
func (s *strangers) of(c *Conn) *list.List {
	if c.heard {
		return s.heard
	}
	return s.silent
}

func (s *strangers) add(c *Conn) { c.since, c.stranger = time.Now(), s.of(c).PushBack(c) }

// remove takes c out, if it is one of them.
func (s *strangers) remove(c *Conn) {
	if c.stranger != nil {
		s.of(c).Remove(c.stranger)
		c.stranger = nil
	}
}

// takeResting takes out the one that rests longest and returns it; nil if all have a
// request under way. Something that has come and that nobody has read yet is, on a
// busy machine, a newcomer's request: these go last. Nobody has to go within grace.
func (s *strangers) takeResting(grace time.Duration) *Conn {
	for _, spared := range []func(*Conn) bool{(*Conn).isUnread, (*Conn).isAnswering} {
		for _, all := range []*list.List{s.silent, s.heard} {
			if c := longest(all, spared); c != nil && time.Since(c.since) >= grace {
				s.remove(c)
				return c
			}
		}
	}
	return nil
}

// longest returns the first one that is not spared.
func longest(all *list.List, spared func(*Conn) bool) *Conn {
	for range min(maxLooks, all.Len()) {
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
// came. The caller holds p.mu.
func (p *places) makeRoom(grace time.Duration) bool {
	if p.isFull(roleEnding) {
		return false
	}
	c := p.strangers.takeResting(grace)
	if c == nil {
		return false
	}
	p.taken[roleCaller]--
	p.taken[roleEnding]++
	c.role = roleEnding
	go c.Close() // which waits for a request that has just begun
	return true
}

// hear notes that c has sent its first byte.
func (p *places) hear(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	stranger := c.stranger != nil
	p.strangers.remove(c)
	if c.heard = true; stranger {
		p.strangers.add(c)
	}
}

// prove notes that c has proven to be a client.
func (p *places) prove(c *Conn) {
	c.proven = true
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strangers.remove(c)
}

// note notes that n bytes came.
func (c *Conn) note(n int) {
	if n > 0 && !c.spoke {
		c.spoke = true
		c.places.hear(c)
	}
}

// isAnswering reports whether a request is under way that may be a client's.
func (c *Conn) isAnswering() bool {
	return c.answering.Load() && !c.ending.Load() && !c.unheard.Load()
}

// isUnread reports that too, or that something has come that nobody has read yet.
func (c *Conn) isUnread() bool {
	return c.isAnswering() || !c.ending.Load() && !c.unheard.Load() && socket.HasSpoken(c.Conn)
}
