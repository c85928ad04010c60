package apis

import (
	"cmp"
	"slices"
	"time"
)

// A Row is what was counted of one API, or of all that have no counts of their own (Other).
type Row struct {
	Kind, Path  string
	Documented  bool
	Calls       uint64         // since the start
	Failures    []FailureCount // likewise
	Hour, Today Span           // the last hour, to five minutes; the day in Beijing
}

// A Span is what was counted in some time.
type Span struct {
	Calls    uint64
	Failures []FailureCount // the commonest first
	P50, P95 time.Duration  // within which half of the calls, and 95 % of them, were answered; 0 without calls
}

// A FailureCount is how many calls failed with a Failure.
type FailureCount struct {
	Failure
	N uint64
}

// Failed returns how many calls failed.
func (s *Span) Failed() (n uint64) {
	for _, f := range s.Failures {
		n += f.N
	}
	return n
}

// Rows returns what was counted until now of each API that was called, by kind and path.
func (c *Counts) Rows() (all []Row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	when := reading{isToday: dayOf(now) == c.day}
	for at := range min(c.ended, slotsKept) {
		age := slotOf(now) - c.starts[at]
		when.isLate[at] = 0 <= age && age <= int64(slotsKept) // a clock may have been set, and a timer is early at times
	}
	for _, k := range c.kinds {
		k.mu.Lock()
		k.each(func(a *API) {
			if row := a.row(&when); row.Calls > 0 {
				row.Kind = k.name
				all = append(all, row)
			}
		})
		k.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b Row) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Path, b.Path)) })
	return all
}

// A reading says which counts belong to the last hour and to today.
type reading struct {
	isLate  [slotsKept]bool // the slot in this place is one of the last hour
	isToday bool            // the day that was noted last is not over
}

// row returns what was counted of the API.
func (a *API) row(when *reading) Row {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.read()
	row := Row{Path: a.path, Documented: a.documented, Calls: now.sum()}
	hour, today := now.since(a.before), histogram{}
	for at, came := range a.slots {
		if came != nil && when.isLate[at] {
			for i, n := range came {
				hour[i] += uint64(n)
			}
		}
	}
	if when.isToday {
		today = now.since(a.midnight)
	}
	row.Hour, row.Today = spanOf(hour), spanOf(today)
	for i := range a.failures {
		f := &a.failures[i]
		row.Failures = counted(row.Failures, f.Failure, f.n)
		row.Hour.Failures = counted(row.Hour.Failures, f.Failure, f.inHour(when))
		if when.isToday {
			row.Today.Failures = counted(row.Today.Failures, f.Failure, f.n-f.midnight)
		}
	}
	for _, failures := range [][]FailureCount{row.Failures, row.Hour.Failures, row.Today.Failures} {
		slices.SortStableFunc(failures, func(a, b FailureCount) int { return cmp.Compare(b.N, a.N) })
	}
	return row
}

// inHour returns how many there were in the last hour.
func (f *failures) inHour(when *reading) uint64 {
	n := f.n - f.before
	for at, came := range f.slots {
		if when.isLate[at] {
			n += uint64(came)
		}
	}
	return n
}

// counted adds a number to others, unless it is 0.
func counted(all []FailureCount, f Failure, n uint64) []FailureCount {
	if n == 0 {
		return all
	}
	return append(all, FailureCount{f, n})
}

func spanOf(h histogram) Span {
	return Span{Calls: h.sum(), P50: h.quantile(0.5), P95: h.quantile(0.95)}
}
