// Package quota bounds how many requests one client has under way, and how many in a
// time.
package quota

import (
	"sync/atomic"
	"time"
)

// queueLimit is how long a request waits for its client's turn: less long than it
// takes a caller to become impatient.
const queueLimit = time.Second

// A Quota holds one client's requests to what it may have, so that it cannot
// spend everybody's. Requests that come too soon wait a little, then are refused.
type Quota struct {
	client   string        // its name
	places   chan struct{} // one per request under way; nil: any number
	interval time.Duration // between two requests, on average; 0: none
	burst    time.Duration // how much earlier than that requests may come
	next     atomic.Int64  // when the next request is due, in Unix nanoseconds
}

// New returns the quota of a client, by its name, that may have so many requests under way and, on
// average, one in each interval; nil if it has none. 0 means any number.
func New(client string, maxInFlight int, interval time.Duration) *Quota {
	if maxInFlight == 0 && interval == 0 {
		return nil
	}
	q := &Quota{client: client, interval: interval, burst: max(interval, time.Second)}
	if maxInFlight > 0 {
		q.places = make(chan struct{}, maxInFlight)
	}
	return q
}

// An ErrExceeded refuses a request for which no turn came in time.
type ErrExceeded struct {
	Client   string
	InFlight bool          // there are as many under way as may be; otherwise, they come too fast
	Wait     time.Duration // after which another attempt makes sense
}

func (e *ErrExceeded) Error() string { return "the quota of the client " + e.Client + " is used up" }

// Enter waits for the client's turn. A nil error means that Leave is to be called
// when the request has ended; any other one is an *ErrExceeded.
func (q *Quota) Enter() error {
	if q == nil {
		return nil
	}
	if wait := q.reserve(time.Now()); wait > queueLimit {
		return &ErrExceeded{Client: q.client, Wait: wait}
	} else if wait > 0 {
		time.Sleep(wait)
	}
	if q.places == nil {
		return nil
	}
	select {
	case q.places <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(queueLimit)
	defer timer.Stop()
	select {
	case q.places <- struct{}{}:
		return nil
	case <-timer.C:
		return &ErrExceeded{Client: q.client, InFlight: true, Wait: queueLimit}
	}
}

// Leave ends a request that has entered.
func (q *Quota) Leave() {
	if q != nil && q.places != nil {
		<-q.places
	}
}

// reserve returns how long the request that comes at now has to wait for its
// turn. One that would wait for too long takes no turn.
func (q *Quota) reserve(now time.Time) time.Duration {
	if q.interval == 0 {
		return 0
	}
	for {
		next := q.next.Load()
		turn := max(next, now.Add(-q.burst).UnixNano()+int64(q.interval))
		wait := time.Duration(turn - now.UnixNano())
		if wait > queueLimit {
			return wait
		}
		if q.next.CompareAndSwap(next, turn+int64(q.interval)) {
			return max(wait, 0)
		}
	}
}
