// Package tally counts what a store is asked for, and notes whether it works.
package tally

import (
	"sync"
	"sync/atomic"
	"time"
)

// An Operation is what a store is asked for.
type Operation int

// The operations.
const (
	Load   Operation = iota // a record is read
	Save                    // a record is written
	Lease                   // a replica asks for its turn, keeps it or ends it
	Watch                   // a replica looks for what others have written
	Remove                  // the records of an account are removed
)

// names are the operations' in metrics.
var names = [...]string{Load: "load", Save: "save", Lease: "lease", Watch: "watch", Remove: "remove"}

// Bounds are the upper bounds of the classes that durations are counted in.
var Bounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, time.Second,
}

// A Tally is what is known of one store. Its methods may be called concurrently, and on
// nil, which counts nothing.
type Tally struct {
	counts [len(names)]counts

	mu        sync.Mutex // guards what follows
	condition Condition
}

// A Condition is how a store is.
type Condition struct {
	Up     bool
	Since  time.Time // when that began
	Err    error     // what is wrong; nil if it is up; holds no secret
	Remedy string    // what to do about Err; empty if nobody knows
	Newer  bool      // it has records of a later version of wxproxy, which are left alone
}

// counts are those of one operation.
type counts struct {
	errors  atomic.Uint64
	total   atomic.Int64                   // nanoseconds that it took
	classes [len(Bounds) + 1]atomic.Uint64 // by how long it took
}

// New returns the Tally of a store that works, as far as is known.
func New() *Tally { return &Tally{condition: Condition{Up: true, Since: time.Now()}} }

// Took counts an operation that took so long, and failed if err is not nil.
func (t *Tally) Took(o Operation, took time.Duration, err error) {
	if t == nil {
		return
	}
	c, class := &t.counts[o], 0
	for class < len(Bounds) && took > Bounds[class] {
		class++
	}
	c.classes[class].Add(1)
	c.total.Add(int64(took))
	if err != nil {
		c.errors.Add(1)
	}
}

// Skipped counts an operation that failed before the store was asked.
func (t *Tally) Skipped(o Operation) {
	if t != nil {
		t.counts[o].errors.Add(1)
	}
}

// Failing notes that the store is of no use because of err, which holds no secret, and
// what to do about that. A nil err: it works.
func (t *Tally) Failing(err error, remedy string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if up := err == nil; up != t.condition.Up {
		t.condition.Up, t.condition.Since = up, time.Now()
	}
	t.condition.Err, t.condition.Remedy = err, remedy
}

// MetNewer notes that the store has a record of a later version, and reports whether
// it was the first.
func (t *Tally) MetNewer() (first bool) {
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	first, t.condition.Newer = !t.condition.Newer, true
	return first
}

// Condition returns how the store is; of nil it is up.
func (t *Tally) Condition() Condition {
	if t == nil {
		return Condition{Up: true}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.condition
}

// A Count is what was counted of one operation.
type Count struct {
	Operation string
	Errors    uint64
	Total     time.Duration           // that it took
	Classes   [len(Bounds) + 1]uint64 // by how long it took
}

// Counts returns what was counted of every operation, in their order.
func (t *Tally) Counts() []Count {
	all := make([]Count, len(names))
	for i := range all {
		c := &t.counts[i]
		all[i] = Count{Operation: names[i], Errors: c.errors.Load(), Total: time.Duration(c.total.Load())}
		for class := range c.classes {
			all[i].Classes[class] = c.classes[class].Load()
		}
	}
	return all
}
