package traffic

import (
	"sync/atomic"
	"time"
)

// DurationBounds are the upper ends of the intervals that Durations are counted
// in; there is one more interval behind the last.
var DurationBounds = [...]time.Duration{
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 75 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond,
	5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// Durations tell how many requests took how long: from the end of a request's
// header to the point where its answer can be written. They leave out what a streamed
// answer takes from there, which is up to the caller.
type Durations struct {
	Counts [len(DurationBounds) + 1]uint64 // by interval
	Total  time.Duration
}

// Count returns how many requests there were.
func (d Durations) Count() (n uint64) {
	for _, counted := range d.Counts {
		n += counted
	}
	return n
}

// Quantile returns the time within which the portion q of the requests was
// answered, as the end of an interval: 0 without requests, and the last bound for a
// time that lies behind it.
func (d Durations) Quantile(q float64) time.Duration {
	n := d.Count()
	if n == 0 {
		return 0
	}
	seen := uint64(0)
	for i, bound := range DurationBounds {
		if seen += d.Counts[i]; float64(seen) >= q*float64(n) {
			return bound
		}
	}
	return DurationBounds[len(DurationBounds)-1]
}

// plus returns what d and other have counted together.
func (d Durations) plus(other Durations) Durations {
	for i, n := range other.Counts {
		d.Counts[i] += n
	}
	d.Total += other.Total
	return d
}

// since returns what came to d after earlier.
func (d Durations) since(earlier Durations) Durations {
	for i, n := range earlier.Counts {
		d.Counts[i] -= n
	}
	d.Total -= earlier.Total
	return d
}

// A Histogram counts durations by interval. It fills two cache lines, so that
// processors which use different histograms do not wait for each other.
type Histogram struct {
	counts [len(DurationBounds) + 1]atomic.Uint64
	total  atomic.Int64
	_      [8]byte
}

// Observe counts a request that took so long.
func (s *Histogram) Observe(took time.Duration) {
	i := 0
	for i < len(DurationBounds) && took > DurationBounds[i] {
		i++
	}
	s.counts[i].Add(1)
	s.total.Add(int64(took))
}

// read returns what was counted. A request that is counted meanwhile may be in it in part.
func (s *Histogram) read() (d Durations) {
	for i := range s.counts {
		d.Counts[i] = s.counts[i].Load()
	}
	d.Total = time.Duration(s.total.Load())
	return d
}
