package inbox

import (
	"context"
	"errors"
	"runtime/debug"
	"time"
)

const (
	// parallel is how many queues are delivered at a time, of those whose last attempt
	// failed and of the others: programs that hang keep no other one waiting.
	parallel = 64

	// turn is how long one queue is delivered before others have their turn.
	turn = time.Second

	// pause is how long a store is left alone after it failed.
	pause = time.Second
)

// A delivery is a queue that is being delivered.
type delivery struct {
	Taken
	ctx     context.Context
	cancel  context.CancelFunc // when the lease is over
	retaken bool               // the queue was taken again meanwhile
}

// class returns which of the counts counts it.
func (d *delivery) class() int {
	if d.Again {
		return 1
	}
	return 0
}

// take takes the queues that are due, until ctx ends.
func (b *Inbox) take(ctx context.Context) {
	for awake := false; ctx.Err() == nil; {
		if !awake {
			awake = b.store.Wake(ctx) == nil
		}
		timer := time.NewTimer(b.takeDue(ctx))
		select {
		case <-ctx.Done():
		case <-b.changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// takeDue begins to deliver what is due, and returns when to look again.
func (b *Inbox) takeDue(ctx context.Context) time.Duration {
	b.mu.Lock()
	fresh, again := parallel-b.counts[0], parallel-b.counts[1]
	b.mu.Unlock()
	taken, next, err := b.store.Take(context.WithoutCancel(ctx), fresh, again) // or some would be taken by nobody
	if err != nil {
		return pause // the store says what is wrong
	}
	for _, t := range taken {
		if d := b.begin(t); d != nil {
			b.workers.Go(func() {
				defer b.nudge()
				for again := true; again; again = b.end(d) {
					b.work(ctx, d)
				}
			})
		}
	}
	return next
}

// begin notes a delivery that begins. It returns nil if the queue is still being delivered
// here: either its lease was over, or it was empty a moment ago. Then it goes on.
func (b *Inbox) begin(t Taken) *delivery {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := b.running[t.Queue]; d != nil {
		d.retaken = true
		return nil
	}
	d := &delivery{Taken: t}
	d.ctx, d.cancel = context.WithCancel(b.working)
	b.running[t.Queue] = d
	b.counts[d.class()]++
	return d
}

// end notes that a delivery has ended, unless it is to go on.
func (b *Inbox) end(d *delivery) (again bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d.cancel()
	if d.retaken {
		d.retaken = false
		d.ctx, d.cancel = context.WithCancel(b.working)
		return true
	}
	b.counts[d.class()]--
	delete(b.running, d.Queue)
	return false
}

// work delivers the pushes of a queue until its turn is over, or there is none, or one
// fails. While the store fails, it keeps the queue for a few seconds: that has a lease.
// Taking is the context that ends when no further push is to be begun.
func (b *Inbox) work(taking context.Context, d *delivery) {
	const mostErrors = 20 // in pauses of a quarter of a second
	began, failed, errs := time.Now(), false, 0
	for taking.Err() == nil && d.ctx.Err() == nil && !failed && time.Since(began) < turn {
		e, err := b.store.Next(d.ctx, d.Queue)
		switch {
		case err != nil:
			b.sleep(d.ctx, pause/4)
			errs++
			began, failed = time.Now(), errs > mostErrors
		case e == nil:
			return // it is released
		default:
			failed = b.try(d, e)
		}
	}
	release, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), lastReleases)
	defer cancel()
	_ = b.store.Release(release, d.Queue, failed) // or the lease ends by itself
}

// try delivers a push, and reports whether it failed and is to be tried again.
func (b *Inbox) try(d *delivery, e *Entry) (failed bool) {
	err := b.call(d.ctx, e.Push)
	if e.Closed != nil {
		err = &NotSent{e.Closed}
	}
	notSent := new(NotSent)
	wasSent := !errors.As(err, &notSent)
	if !wasSent {
		_ = b.store.Uncount(context.WithoutCancel(d.ctx), e) // or it counts
		e.Attempts--
	}
	switch {
	case err == nil:
		b.insist(d, func(ctx context.Context) error { return b.store.Done(ctx, e) })
		return false
	case d.ctx.Err() != nil:
		return false // it was not the program that failed
	}
	e.LastError = words(err)
	if e.Closed == nil && e.Waited < patience {
		b.say(e, wasSent)
		return true
	}
	b.sayGivenUp(e, wasSent)
	return b.store.GiveUp(d.ctx, e) != nil
}

// call calls deliver. A panic is an error, without its value, which may hold content.
func (b *Inbox) call(ctx context.Context, p *Push) (err error) {
	defer func() {
		if recover() != nil {
			b.log.Error("panic while a push was delivered", "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return b.deliver(ctx, p)
}

var errPanic = errors.New("wxproxy panicked; its log says where")

// insist does something until it succeeds, or the inbox ends: a push that was delivered
// is not to be delivered again for an outage of the store.
func (b *Inbox) insist(d *delivery, do func(context.Context) error) {
	ctx := context.WithoutCancel(d.ctx)
	for do(ctx) != nil && b.working.Err() == nil {
		b.sleep(b.working, pause/4)
	}
}

// sleep waits, or until ctx ends.
func (b *Inbox) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
