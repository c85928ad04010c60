package apis

import (
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// slot is how long the parts are in which the last hour is kept: the present one, which is
	// under way, and those before it. Midnight in Beijing is the end of one.
	slot      = 5 * time.Minute
	slotsKept = int(time.Hour/slot) - 1

	// maxFailures is how many errcodes of one API are counted apart.
	maxFailures = 16

	// OtherErrcode stands for the errcodes beyond that, and for numbers that WeChat does not
	// use.
	OtherErrcode = math.MinInt

	// The errcodes of WeChat, and those of the proxy, lie between these.
	minErrcode, maxErrcode = -99_999, 9_999_999
)

// An API counts the calls for one path. To count one that went well is to add 1 to one
// number, without a lock. It takes 1.7 KiB, up to 2.8 KiB more for the last
// hour, and 88 bytes for each errcode that calls have failed with.
type API struct {
	path       string
	documented bool
	entered    uint64      // which path it is of all that were not documented
	gone       atomic.Bool // another path has its place
	counts     [classes]atomic.Uint64

	mu       sync.Mutex                  // guards what follows; a call takes it only if it failed
	failures []failures                  // by Failure; at most maxFailures, and those beyond
	before   histogram                   // the counts when the last slot ended
	midnight histogram                   // the counts when the day began
	slots    [slotsKept]*[classes]uint32 // what came in each slot, in the same places as Counts.starts; nil: nothing
}

// A Failure is what a call failed with: an errcode, WeChat's or the proxy's own, or, without
// any, a status of HTTP that is 400 or more.
type Failure struct{ Errcode, Status int }

// Name returns the errcode in digits, or the status as http_502.
func (f Failure) Name() string {
	switch {
	case f.Errcode == OtherErrcode:
		return Other
	case f.Errcode != 0:
		return strconv.Itoa(f.Errcode)
	}
	return "http_" + strconv.Itoa(f.Status)
}

// failures are how many calls failed with one Failure.
type failures struct {
	Failure
	n, before, midnight uint64 // now, when the last slot ended, when the day began
	slots               [slotsKept]uint32
}

// IsGone reports whether the next call is not counted here: there is no API yet, or another
// path has taken its place.
func (a *API) IsGone() bool { return a == nil || a.gone.Load() }

// Count counts a call that took so long.
func (a *API) Count(took time.Duration) { a.counts[classOf(took)].Add(1) }

// fail counts that a call, which was counted, has failed.
func (a *API) fail(with Failure) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failuresWith(with).n++
}

// failuresWith returns the failures with f. The caller holds a.mu.
func (a *API) failuresWith(f Failure) *failures {
	if f.Errcode < minErrcode || f.Errcode > maxErrcode {
		f = Failure{Errcode: OtherErrcode}
	}
	for i := range a.failures {
		if a.failures[i].Failure == f {
			return &a.failures[i]
		}
	}
	if other := (Failure{Errcode: OtherErrcode}); len(a.failures) >= maxFailures && f != other {
		return a.failuresWith(other)
	}
	a.failures = append(a.failures, failures{Failure: f})
	return &a.failures[len(a.failures)-1]
}

// read returns what was counted.
func (a *API) read() (h histogram) {
	for i := range a.counts {
		h[i] = a.counts[i].Load()
	}
	return h
}

// endSlot notes what happened in a slot that ends, in its place.
func (a *API) endSlot(at int, isNewDay bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.read()
	if a.slots[at] = nil; now != a.before {
		a.slots[at] = new([classes]uint32)
		for i := range now {
			a.slots[at][i] = uint32(now[i] - a.before[i])
		}
		a.before = now
	}
	if isNewDay {
		a.midnight = now
	}
	for i := range a.failures {
		f := &a.failures[i]
		f.slots[at], f.before = uint32(f.n-f.before), f.n
		if isNewDay {
			f.midnight = f.n
		}
	}
}

// absorb adds what was counted of another API, to which nothing more comes. The caller holds
// Kind.mu.
func (a *API) absorb(other *API) {
	other.mu.Lock()
	defer other.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, n := range other.read() {
		a.counts[i].Add(n)
		a.before[i] += other.before[i]
		a.midnight[i] += other.midnight[i]
	}
	for at, came := range other.slots {
		if came == nil {
			continue
		}
		if a.slots[at] == nil {
			a.slots[at] = new([classes]uint32)
		}
		for i, n := range came {
			a.slots[at][i] += n
		}
	}
	for _, theirs := range other.failures {
		ours := a.failuresWith(theirs.Failure)
		ours.n, ours.before, ours.midnight = ours.n+theirs.n, ours.before+theirs.before, ours.midnight+theirs.midnight
		for at, n := range theirs.slots {
			ours.slots[at] += n
		}
	}
}
