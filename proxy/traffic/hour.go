package traffic

import (
	"context"
	"time"
)

// Minutes is how many minutes are remembered.
const Minutes = 60

// A Minute is what happened in one.
type Minute struct {
	Start time.Time
	Tally
	Durations
}

// A Tally is how many requests there were, and how many went wrong.
type Tally struct {
	Requests uint32
	Failed   uint32 // answered with a status of 400 or more, by WeChat or by the proxy
	Errcodes uint32 // answers of WeChat's with an errcode other than 0, those to a request that was sent again included
}

func (t Tally) plus(other Tally) Tally {
	return Tally{t.Requests + other.Requests, t.Failed + other.Failed, t.Errcodes + other.Errcodes}
}

// A running tally is one since the start.
type running struct{ requests, failed, errcodes uint64 }

// since returns what came to r after earlier.
func (r running) since(earlier running) Tally {
	return Tally{uint32(r.requests - earlier.requests), uint32(r.failed - earlier.failed), uint32(r.errcodes - earlier.errcodes)}
}

func (r running) plus(other running) running {
	return running{r.requests + other.requests, r.failed + other.failed, r.errcodes + other.errcodes}
}

// An hour remembers the last minutes. Requests do not know of it: when a minute
// ends, what was counted is compared with what was counted before.
type hour struct {
	ended     int            // minutes, since the start; the ring's next place is its remainder
	starts    [Minutes]int64 // Unix minutes
	durations [Minutes]Durations
	before    Durations // when the last minute ended
	all       tallies
}

// tallies are those of an hour, of one account or of all.
type tallies struct {
	ring   *[Minutes]Tally // in the places of the hour; nil: nothing happened so far
	before running         // when the last minute ended
}

// Run notes the end of every minute until ctx ends.
func (c *Counts) Run(ctx context.Context) {
	for ctx.Err() == nil {
		start := time.Now().Truncate(time.Minute)
		timer := time.NewTimer(time.Until(start.Add(time.Minute)))
		select {
		case <-ctx.Done():
		case <-timer.C:
			c.EndMinute(start)
		}
		timer.Stop()
	}
}

// EndMinute notes what happened in the minute that began at start.
func (c *Counts) EndMinute(start time.Time) {
	durations := c.Durations()
	c.mu.Lock()
	defer c.mu.Unlock()
	h := &c.hour
	at := h.ended % Minutes
	sum := running{}
	for _, a := range c.accounts {
		now := a.total()
		a.hour.note(at, now)
		sum = sum.plus(now)
	}
	h.all.note(at, sum)
	h.starts[at] = unixMinute(start)
	h.durations[at], h.before = durations.since(h.before), durations
	h.ended++
}

// note puts what happened in a minute in its place. The caller holds Counts.mu.
func (t *tallies) note(at int, now running) {
	happened := now.since(t.before)
	if t.ring == nil && happened == (Tally{}) {
		return
	}
	if t.ring == nil {
		t.ring = new([Minutes]Tally)
	}
	t.ring[at], t.before = happened, now
}

// total returns what was counted of the account. The caller holds Counts.mu.
func (a *accountCounts) total() (t running) {
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

// Hour returns what happened in the last 60 minutes, the one under way at the
// end.
func (c *Counts) Hour() []Minute {
	durations := c.Durations()
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := running{}
	for _, a := range c.accounts {
		sum = sum.plus(a.total())
	}
	now := time.Now()
	hour := c.hour.tell(&c.hour.all, sum, now)
	for at, place := range c.hour.places(now) {
		hour[place].Durations = hour[place].Durations.plus(c.hour.durations[at])
	}
	hour[Minutes-1].Durations = durations.since(c.hour.before)
	return hour
}

// AccountHour returns what happened in the last 60 minutes to one account, the
// one under way at the end. Durations are not known by account.
func (c *Counts) AccountHour(name string) []Minute {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.accounts[name]
	if a == nil {
		a = new(accountCounts)
	}
	return c.hour.tell(&a.hour, a.total(), time.Now())
}

// tell returns the minutes until now with what t knows of them. The caller holds
// Counts.mu.
func (h *hour) tell(t *tallies, total running, now time.Time) []Minute {
	told := make([]Minute, Minutes)
	for i := range told {
		told[i].Start = now.Truncate(time.Minute).Add(time.Duration(i-Minutes+1) * time.Minute)
	}
	for at, place := range h.places(now) {
		if t.ring != nil {
			told[place].Tally = told[place].Tally.plus(t.ring[at])
		}
	}
	told[Minutes-1].Tally = total.since(t.before)
	return told
}

// places yields for each place of the ring which minute is in it, counted from
// the first of the last 60. Minutes that a suspended machine has missed are in no
// place; one that a clock went through twice is in two.
func (h *hour) places(now time.Time) func(yield func(at, place int) bool) {
	return func(yield func(at, place int) bool) {
		for at := range min(h.ended, Minutes) {
			place := Minutes - 1 - int(unixMinute(now)-h.starts[at])
			if 0 <= place && place < Minutes-1 && !yield(at, place) {
				return
			}
		}
	}
}

func unixMinute(t time.Time) int64 { return t.Unix() / 60 }
