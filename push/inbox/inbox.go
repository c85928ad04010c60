package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"wxproxy/internal/background"
	"wxproxy/internal/lograte"
	"wxproxy/token/store/seal"
)

// A Config says what an Inbox is made of.
type Config struct {
	Store  Store        // where pushes are; nil: in Dir
	Dir    string       // the folder of the files, which is made if it is missing; empty: in memory
	Max    int64        // how many bytes those that wait or have failed may take
	Sealer *seal.Sealer // encrypts the files; nil: they are not encrypted
	Log    *slog.Logger // nil: nothing is logged
}

// An Inbox takes pushes and delivers them. Its methods may be called concurrently.
type Inbox struct {
	store Store
	log   *slog.Logger
	lines *lograte.Lines // of the queues that cannot be delivered

	changed chan struct{} // of capacity 1: something was added, or a delivery has ended

	deliver func(context.Context, *Push) error
	stop    context.CancelFunc // ends taking; nil before Start
	ended   chan struct{}      // closed when taking has ended
	working context.Context    // that of deliveries
	abandon context.CancelFunc // ends it
	workers sync.WaitGroup

	mu      sync.Mutex           // guards what follows
	running map[string]*delivery // by the queue
	counts  [2]int               // of them, by whether their last attempt had failed
}

// Open opens the inbox that c names.
func Open(c Config) (*Inbox, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Store == nil {
		store, err := newLocal(c)
		if err != nil {
			return nil, fmt.Errorf("opening the inbox of pushes: %w", err)
		}
		c.Store = store
	}
	const queues = 100 // that have a line of their own
	return &Inbox{
		store:   c.Store,
		log:     c.Log,
		changed: make(chan struct{}, 1),
		running: map[string]*delivery{},
		lines: lograte.NewLines(queues, func(count int) {
			c.Log.Warn("pushes of further accounts and forwards cannot be delivered, and are tried again", "count", count)
		}),
	}, nil
}

// Add takes a push. It is durable when Add returns nil; ErrFull, or another error, says
// that it was not taken.
func (b *Inbox) Add(ctx context.Context, p *Push) error {
	if err := b.store.Add(ctx, p); err != nil {
		return fmt.Errorf("keeping a push: %w", err)
	}
	if !b.isRunning(Queue(p.Account, p.Forward)) { // else its delivery meets the push, or nudges when it ends
		b.nudge()
	}
	return nil
}

// Use changes the limit and the encryption of what is added from now on.
func (b *Inbox) Use(limit int64, sealer *seal.Sealer) { b.store.Use(limit, sealer) }

// Start begins to deliver. deliver returns nil when it has delivered a push; else it is
// called again later. It is told of a push that is Closed too. Its context ends when the delivery is to be left to others.
func (b *Inbox) Start(deliver func(context.Context, *Push) error) {
	taking, stop := context.WithCancel(context.Background())
	b.deliver, b.stop, b.ended = deliver, stop, make(chan struct{})
	b.working, b.abandon = context.WithCancel(context.Background())
	var renewing sync.WaitGroup
	renewing.Go(func() { background.Persist(b.working, b.log, b.renew) })
	go func() {
		defer close(b.ended)
		background.Persist(taking, b.log, b.take)
		b.workers.Wait()
		b.abandon()
		renewing.Wait()
	}()
}

// Stop ends what Start began. It waits for the deliveries under way until ctx ends; what
// is not delivered then stays in the store.
func (b *Inbox) Stop(ctx context.Context) error {
	defer b.lines.Flush()
	if b.stop == nil {
		return b.store.Close()
	}
	b.stop()
	select {
	case <-b.ended:
	case <-ctx.Done():
		b.abandon()
		select {
		case <-b.ended:
		case <-time.After(lastReleases):
		}
	}
	return errors.Join(ctx.Err(), b.store.Close())
}

// lastReleases is how long Stop waits for deliveries that it has abandoned to give their
// queues back.
const lastReleases = time.Second

// State returns what there is.
func (b *Inbox) State(ctx context.Context) (State, error) { return b.store.State(ctx) }

// Failed returns the pushes that could not be delivered, newest first.
func (b *Inbox) Failed(ctx context.Context) ([]Failure, error) { return b.store.Failed(ctx) }

// Retry has the pushes with an id tried again that could not be delivered, for another
// day, and reports whether there was one.
func (b *Inbox) Retry(ctx context.Context, id string) (bool, error) {
	found, err := b.store.Retry(ctx, id)
	if found {
		b.nudge()
	}
	return found, err
}

func (b *Inbox) isRunning(queue string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.running[queue] != nil
}

// nudge has the inbox look for what is due.
func (b *Inbox) nudge() {
	select {
	case b.changed <- struct{}{}:
	default: // it will look anyway
	}
}
