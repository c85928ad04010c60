package traffic

import (
	"context"
	"sync"
	"time"
)

// minutesKept is how many minutes are kept.
const minutesKept = 60

// A Minute is what happened in one minute.
type Minute struct {
	Start time.Time
	Totals
	Durations
}

// Totals are how many requests there were, and how many went wrong.
type Totals struct {
	Requests uint32
	Failed   uint32 // answered with a status of 400 or more, by WeChat or by the proxy
	Errcodes uint32 // answers of WeChat's with an errcode other than 0, those to a request that was sent again included
}

func (t Totals) plus(other Totals) Totals {
	return Totals{t.Requests + other.Requests, t.Failed + other.Failed, t.Errcodes + other.Errcodes}
}

// counters have counted since the start.
type counters struct{ requests, failed, errcodes uint64 }

// since returns what came to r after earlier.
func (r counters) since(earlier counters) Totals {
	return Totals{uint32(r.requests - earlier.requests), uint32(r.failed - earlier.failed), uint32(r.errcodes - earlier.errcodes)}
}

func (r counters) plus(other counters) counters {
	return counters{r.requests + other.requests, r.failed + other.failed, r.errcodes + other.errcodes}
}

// A lastHour keeps what happened in each of the last minutes. Counting a request does
// not touch it: when a minute ends, the counters are compared with what they were
// when the minute before ended.
type lastHour struct {
	ended     int                // how many minutes have ended since the start; modulo minutesKept, the next place in the rings
	starts    [minutesKept]int64 // Unix minutes
	durations [minutesKept]Durations
	before    Durations // when the last minute ended
	all       minuteTotals
}

// minuteTotals are the totals of the last minutes, for one account or for all.
type minuteTotals struct {
	ring   *[minutesKept]Totals // in the same places as lastHour.starts; nil: nothing happened so far
	before counters             // when the last minute ended
}

// Run notes the end of every minute until ctx ends.
func (c *Counts) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { c.APIs.Run(ctx) })
	for ctx.Err() == nil {
		start := time.Now().Truncate(time.Minute)
		timer := time.NewTimer(time.Until(start.Add(time.Minute)))
		select {
		case <-ctx.Done():
		case <-timer.C:
			c.endMinute(start)
		}
		timer.Stop()
	}
}

// endMinute notes what happened in the minute that began at start.
func (c *Counts) endMinute(start time.Time) {
	durations := c.sumDurations()
	c.mu.Lock()
	defer c.mu.Unlock()
	h := &c.hour
	at := h.ended % minutesKept
	sum := counters{}
	for _, a := range c.accounts {
		now := a.counters()
		a.minutes.add(at, now)
		sum = sum.plus(now)
	}
	h.all.add(at, sum)
	h.starts[at] = unixMinute(start)
	h.durations[at], h.before = durations.since(h.before), durations
	h.ended++
}

// add puts what happened in a minute in its place. The caller holds Counts.mu.
func (t *minuteTotals) add(at int, now counters) {
	happened := now.since(t.before)
	if t.ring == nil && happened == (Totals{}) {
		return
	}
	if t.ring == nil {
		t.ring = new([minutesKept]Totals)
	}
	t.ring[at], t.before = happened, now
}

// counters returns what was counted for the account since the start. The caller holds
// Counts.mu.
func (a *accountCounts) counters() (t counters) {
	for _, s := range a.clients {
		for status, n := range s.all() {
			t.requests += n
			if status >= 400 || status == otherStatus {
				t.failed += n
			}
		}
	}
	for _, n := range a.errcodes {
		t.errcodes += n
	}
	return t
}

// Hour returns what happened in the last 60 minutes; the last one is under way.
func (c *Counts) Hour() []Minute {
	durations := c.sumDurations()
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := counters{}
	for _, a := range c.accounts {
		sum = sum.plus(a.counters())
	}
	now := time.Now()
	hour := c.hour.minutesUntil(&c.hour.all, sum, now)
	for at, place := range c.hour.places(now) {
		hour[place].Durations = hour[place].Durations.plus(c.hour.durations[at])
	}
	hour[minutesKept-1].Durations = durations.since(c.hour.before)
	return hour
}

// AccountHour returns what happened to one account in the last 60 minutes; the last one
// is under way. Durations are not counted by account.
func (c *Counts) AccountHour(name string) []Minute {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.accounts[name]
	if a == nil {
		a = new(accountCounts)
	}
	return c.hour.minutesUntil(&a.minutes, a.counters(), time.Now())
}

// minutesUntil returns the minutes until now with the totals that t has of them. The
// caller holds Counts.mu.
func (h *lastHour) minutesUntil(t *minuteTotals, total counters, now time.Time) []Minute {
	last := make([]Minute, minutesKept)
	for i := range last {
		last[i].Start = now.Truncate(time.Minute).Add(time.Duration(i-minutesKept+1) * time.Minute)
	}
	for at, place := range h.places(now) {
		if t.ring != nil {
			last[place].Totals = last[place].Totals.plus(t.ring[at])
		}
	}
	last[minutesKept-1].Totals = total.since(t.before)
	return last
}

// places yields for each place of the rings which minute is in it, counted from the
// first of the last 60. A minute that a suspended machine has missed is in no place; a
// minute that a clock which was set back went through twice is in two.
func (h *lastHour) places(now time.Time) func(yield func(at, place int) bool) {
	return func(yield func(at, place int) bool) {
		for at := range min(h.ended, minutesKept) {
			place := minutesKept - 1 - int(unixMinute(now)-h.starts[at])
			if 0 <= place && place < minutesKept-1 && !yield(at, place) {
				return
			}
		}
	}
}

func unixMinute(t time.Time) int64 { return t.Unix() / 60 }
