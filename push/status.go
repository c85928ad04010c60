package push

import (
	"maps"
	"strings"
	"sync/atomic"
	"time"
)

// A Snapshot is what was counted in the life of the process.
type Snapshot struct {
	Pushes    map[Count]uint64
	Refusals  map[Refusal]uint64
	Dropped   map[string]uint64 // copies that were lost, by account
	Durations Durations         // of those that were not refused
}

// Snapshot returns what was counted.
func (r *Receiver) Snapshot() Snapshot {
	c := &r.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Snapshot{Pushes: maps.Clone(c.pushes), Refusals: maps.Clone(c.refusals), Dropped: map[string]uint64{}, Durations: c.histogram.read()}
	for name, one := range c.accounts {
		if one.dropped > 0 {
			s.Dropped[name] = one.dropped
		}
	}
	return s
}

// A Status is what operators learn of one account's pushes.
type Status struct {
	LastAt      time.Time // zero: none came since the start
	Today       int       // in Beijing's day
	LastFailure *Failure  // nil: there was none
}

// Status returns that of an account, and whether the account has pushes. "PLATFORM" are
// the events of a platform, and "PLATFORM/*" the messages of those that have authorized it.
func (r *Receiver) Status(account string) (s Status, hasPushes bool) {
	a := r.now.Load().accounts[strings.TrimSuffix(account, "/*")]
	hasPushes = a != nil && (a.isPlatform || a.Name == account)
	c := &r.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.accounts[account]
	if one == nil {
		return Status{}, hasPushes
	}
	s = Status{LastAt: one.last, Today: one.today, LastFailure: one.failure}
	if one.day != beijingDay(time.Now()) {
		s.Today = 0
	}
	return s, hasPushes
}

// hour is how many minutes are remembered.
const hour = 60

// A Minute is what came in one minute, of all accounts.
type Minute struct {
	Start    time.Time
	Taken    int // answered, also from the inbox or as a repetition
	Failed   int
	Refused  int
	unixTime int64 // in minutes
}

func (m *Minute) add(outcome string) {
	switch outcome {
	case failed:
		m.Failed++
	case refused:
		m.Refused++
	default:
		m.Taken++
	}
}

// minute returns the present minute. The caller holds c.mu.
func (c *counts) minute(now time.Time) *Minute {
	unixTime := now.Unix() / 60
	m := &c.minutes[unixTime%hour]
	if m.unixTime != unixTime {
		*m = Minute{Start: time.Unix(unixTime*60, 0), unixTime: unixTime}
	}
	return m
}

// Hour returns the last 60 minutes, the present one last.
func (r *Receiver) Hour() []Minute {
	now := time.Now().Unix() / 60
	c := &r.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	minutes := make([]Minute, 0, hour)
	for unixTime := now - hour + 1; unixTime <= now; unixTime++ {
		m := c.minutes[unixTime%hour]
		if m.unixTime != unixTime {
			m = Minute{Start: time.Unix(unixTime*60, 0)}
		}
		minutes = append(minutes, m)
	}
	return minutes
}

// DurationBounds are the upper ends of the intervals that Durations are counted in; there
// is one more interval behind the last.
var DurationBounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// Durations tell how many pushes took how long, from their header to the end of their
// answer.
type Durations struct {
	Counts [len(DurationBounds) + 1]uint64 // by interval
	Total  time.Duration
}

// A histogram counts durations by interval.
type histogram struct {
	counts [len(DurationBounds) + 1]atomic.Uint64
	total  atomic.Int64
}

func (h *histogram) observe(took time.Duration) {
	i := 0
	for i < len(DurationBounds) && took > DurationBounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.total.Add(int64(took))
}

func (h *histogram) read() (d Durations) {
	for i := range h.counts {
		d.Counts[i] = h.counts[i].Load()
	}
	d.Total = time.Duration(h.total.Load())
	return d
}
