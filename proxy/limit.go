package proxy

import (
	"sync/atomic"
	"time"
)

// queueLimit is how long a request waits for its client's turn: less long than it
// takes a caller to become impatient.
const queueLimit = time.Second

// A quota holds one client's requests to what it may have, so that it cannot
// spend everybody's. Requests that come too soon wait a little, then are refused.
type quota struct {
	places   chan struct{} // one per request under way; nil: any number
	interval time.Duration // between two requests, on average; 0: none
	burst    time.Duration // how much earlier than that requests may come
	next     atomic.Int64  // when the next request is due, in Unix nanoseconds
}

// newQuota returns the quota of c, nil if it has none.
func newQuota(c *Client) *quota {
	if c.MaxInFlight == 0 && c.Interval == 0 {
		return nil
	}
	q := &quota{interval: c.Interval, burst: max(c.Interval, time.Second)}
	if c.MaxInFlight > 0 {
		q.places = make(chan struct{}, c.MaxInFlight)
	}
	return q
}

// enter waits for the client's turn. A nil error means that leave is to be called
// when the request has ended.
func (q *quota) enter(client string) error {
	if q == nil {
		return nil
	}
	if wait := q.reserve(time.Now()); wait > queueLimit {
		return &failure{tooManyRequests, "the client " + client + " makes more requests than its rate allows", wait}
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
		return &failure{tooManyRequests, "the client " + client + " has max_in_flight requests under way", queueLimit}
	}
}

// leave ends a request that has entered.
func (q *quota) leave() {
	if q != nil && q.places != nil {
		<-q.places
	}
}

// reserve returns how long the request that comes at now has to wait for its
// turn. One that would wait for too long takes no turn.
func (q *quota) reserve(now time.Time) time.Duration {
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
