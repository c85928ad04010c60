package upstream

import (
	"errors"
	"sync/atomic"
)

// A FailureReason is why a host gave a request no answer, or none that was whole.
type FailureReason int

// The reasons.
const (
	FailedToConnect FailureReason = iota // no connection came about
	FailedByCut                          // the connection ended, or made no sense
	FailedByTimeout                      // the answer did not come in time
	failureReasons
)

// String returns the reason in a word.
func (r FailureReason) String() string {
	return [...]string{FailedToConnect: "unreachable", FailedByCut: "broken", FailedByTimeout: "timeout"}[r]
}

// Failures are how many requests failed at a host, by reason.
type Failures [failureReasons]uint64

// failureCounts are a host's Failures since the start.
type failureCounts [failureReasons]atomic.Uint64

// count counts a request that ended with err, if that is the host's doing.
func (c *failureCounts) count(err error) {
	if err == nil {
		return
	}
	_, ours := errors.AsType[*bodyError](err)
	switch {
	case ours, errors.Is(err, ErrLeftAnswer):
	case errors.Is(err, ErrTimeout):
		c[FailedByTimeout].Add(1)
	case errors.Is(err, ErrBroken):
		c[FailedByCut].Add(1)
	}
}

// now returns the counts.
func (c *failureCounts) now() (f Failures) {
	for reason := range c {
		f[reason] = c[reason].Load()
	}
	return f
}
