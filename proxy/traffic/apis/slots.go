package apis

import (
	"context"
	"time"
)

// Run notes the end of every slot until ctx ends.
func (c *Counts) Run(ctx context.Context) {
	for ctx.Err() == nil {
		start := time.Now().Truncate(slot)
		timer := time.NewTimer(time.Until(start.Add(slot)))
		select {
		case <-ctx.Done():
		case <-timer.C:
			c.endSlot(start)
		}
		timer.Stop()
	}
}

// endSlot notes what happened in the slot that began at start.
func (c *Counts) endSlot(start time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.ended % slotsKept
	day := max(dayOf(start.Add(slot)), dayOf(time.Now())) // a timer may be early, and a machine may have slept
	isNewDay := day != c.day
	for _, k := range c.kinds {
		k.mu.Lock()
		k.each(func(a *API) { a.endSlot(at, isNewDay) })
		k.mu.Unlock()
	}
	c.starts[at], c.day = slotOf(start), day
	c.ended++
}

// slotOf returns which slot t is in, counted from 1970.
func slotOf(t time.Time) int64 { return t.Unix() / int64(slot/time.Second) }

// dayOf returns which day it is in Beijing, by which WeChat counts, from 1970.
func dayOf(t time.Time) int64 {
	const ahead, day = 8 * 3600, 24 * 3600
	return (t.Unix() + ahead) / day
}
