package inbox

import (
	"context"
	"time"

	"wxproxy/token/store/seal"
)

// A Store keeps pushes in queues, by [Queue]. A queue that was taken is this process's
// alone until it is released, or for [LeaseLife] after it was taken or renewed last.
type Store interface {
	// Add keeps a push durably at the end of its queue, or returns ErrFull or another error.
	Add(ctx context.Context, p *Push) error

	// Wake has every queue be due that rests after a failure.
	Wake(ctx context.Context) error

	// Take takes queues with a push that is due: up to fresh ones whose last attempt did not
	// fail, and up to again of the others. next is when to ask again at the latest, unless
	// something is added or released here.
	Take(ctx context.Context, fresh, again int) (taken []Taken, next time.Duration, err error)

	// Next returns the oldest push of a queue that was taken, and counts the attempt. It
	// releases the queue and returns nil if there is none, or it is another process's now.
	Next(ctx context.Context, queue string) (*Entry, error)

	// Uncount takes back that Next counted the attempt, since the push was not sent.
	Uncount(ctx context.Context, e *Entry) error

	// Done removes a push that was delivered, whosever the queue is.
	Done(ctx context.Context, e *Entry) error

	// GiveUp keeps a push as failed that could not be delivered, because of its LastError.
	GiveUp(ctx context.Context, e *Entry) error

	// Release gives a queue back; if an attempt failed, it rests for [Backoff].
	Release(ctx context.Context, queue string, failed bool) error

	// Renew prolongs the lease of queues, and returns those that are another process's now.
	Renew(ctx context.Context, queues []string) (lost []string, err error)

	// State returns what there is.
	State(ctx context.Context) (State, error)

	// Failed returns the pushes that could not be delivered, newest first.
	Failed(ctx context.Context) ([]Failure, error)

	// Retry puts those with an id at the ends of their queues, and reports whether there
	// was one.
	Retry(ctx context.Context, id string) (bool, error)

	// Use changes the limit and how records are encrypted, for those that are added from
	// now on.
	Use(limit int64, sealer *seal.Sealer)

	// Close ends the use of the store by this process.
	Close() error
}

// LeaseLife is how long a process that has died keeps its queues at most. One that starts
// again waits for that too.
const LeaseLife = 8 * time.Second

// A Taken is a queue that was taken.
type Taken struct {
	Queue string
	Again bool // whether the last attempt failed
}

// An Entry is a push that is to be delivered.
type Entry struct {
	*Push
	Queue  string
	Key    string        // what the store calls it
	Size   int64         // of its record
	Waited time.Duration // since it was added, or retried by hand
}
