package token

import (
	"context"
	"sync/atomic"
	"time"

	"wxproxy/internal/secret"
)

// fetchTimeout is how long WeChat may take to answer one question.
const fetchTimeout = 10 * time.Second

// A flight is one look for a token: in the store, then at WeChat's. There is at
// most one per Keeper.
type flight struct {
	refused  secret.Secret   // the token whose rejection started it, or empty
	ctx      context.Context // a caller that goes away does not end it
	cancel   context.CancelFunc
	begun    atomic.Bool   // a goroutine runs it
	release  func()        // ends this process's turn to ask; nil: it has none
	asked    bool          // somebody outside wants it
	byHand   bool          // it is to ask WeChat whatever others know, see Refresh
	forces   bool          // it has WeChat replace the token, see ReplaceByForce
	leaked   secret.Secret // the token that it has replaced
	why      error         // why that was not done; written before done is closed
	doubts   bool          // a refusal of the token started it
	examines bool          // it asks only whether the token is good
	done     chan struct{} // closed when its outcome is the Keeper's state
	sent     time.Time     // when it asked WeChat for a token last
	reached  bool          // the question left this process
	knows    int64         // the generation of the record in a shared store that started it
	before   secret.Secret // the token when it turned from the store to WeChat
	read     time.Time     // when it began to read the store last
	reports  []func()      // what is to be logged when it is over
}

func (f *flight) hasBegun() bool { return f.begun.Load() }

// await reports whether f ended before wait was over.
func (f *flight) await(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-f.done:
		return true
	case <-timer.C:
		return false
	}
}

// pause waits for d and reports whether f goes on then.
func (f *flight) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-f.ctx.Done():
		return false
	}
}

// refresh starts a flight in the background, unless the state has moved on
// since s was read.
func (k *Keeper) refresh(s *state) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state.Load() == s && s.flight == nil && !k.stopped {
		f := k.launch(s, s.deadValue())
		k.options.Queue.Add(func() { k.run(f) })
	}
}

// launch plans a flight from s, which has none. The caller holds k.mu, and has
// the flight run.
func (k *Keeper) launch(s *state, refused string) *flight {
	f := &flight{refused: secret.New(refused), done: make(chan struct{}), knows: s.generation}
	f.doubts = refused != "" || s.isDoubted()
	f.ctx, f.cancel = context.WithCancel(context.Background())
	next := *s
	next.flight = f
	k.setState(&next)
	k.flights.Add(1)
	return f
}

// run brings f to its end, unless another goroutine does so already.
func (k *Keeper) run(f *flight) {
	if !f.begun.CompareAndSwap(false, true) {
		return
	}
	defer k.flights.Done()
	defer f.report()
	defer f.cancel()
	defer k.recoverFlight(f)
	if f.examines {
		k.examine(f)
		return
	}
	release, done := k.prepare(f)
	if done {
		return
	}
	f.release = release
	f.before = k.state.Load().token.Value
	o := k.decide(f)
	o.doubts = f.doubts
	k.reread(f)
	o.asked = f.sent
	k.finish(f, o)
	f.release = nil
	k.save(release)
}

// finish ends f with o, unless the Keeper's end cut it short or another process
// knows better.
func (k *Keeper) finish(f *flight, o outcome) {
	cut := o.overtaken || o.err != nil && f.ctx.Err() != nil
	before, after := k.end(f, func(s *state) *state {
		switch cut = cut || s.supersedes(o, time.Now()); {
		case cut:
			return s.abandoned()
		case o.err != nil:
			return s.failed(o, k.options)
		}
		return s.answered(o, f.refused, k.options)
	})
	if cut {
		return
	}
	f.later(func() {
		k.tell(f, o, before, after)
		if o.err != nil {
			k.reportFailure(f, before, after)
		} else {
			k.reportSuccess(f, o, before, after)
			if before.denied != nil && after.denied == nil {
				k.reportAccepted()
			}
		}
		k.reportBudget(after)
	})
}

// later has report log something when f is over, and no longer holds anybody up: a
// log may block.
func (f *flight) later(report func()) { f.reports = append(f.reports, report) }

func (f *flight) report() {
	for _, report := range f.reports {
		report()
	}
}

// prepare looks for a token in the store, and reports whether that ended f. If it did
// not, release, which may be nil, is to be called when the outcome is stored.
func (k *Keeper) prepare(f *flight) (release func(), done bool) {
	if k.options.Shared != nil {
		return k.consult(f)
	}
	stored, ok := k.load(f)
	switch {
	case f.ctx.Err() != nil:
		k.end(f, (*state).abandoned) // before it asked
	case ok:
		_, after := k.end(f, func(s *state) *state { return k.loaded(stored, s) })
		k.logger().Info("token loaded", "expires_in", timeUntil(after.token.Expires))
	default:
		return nil, false
	}
	return nil, true
}

// end ends f: it makes the state that after returns the current one,
// plans the next flight and releases the waiters. It calls after under k.mu.
func (k *Keeper) end(f *flight, after func(*state) *state) (from, to *state) {
	k.mu.Lock()
	defer k.mu.Unlock()
	from = k.state.Load()
	to = after(from)
	k.setState(to)
	k.arm(to, time.Until(to.next))
	close(f.done)
	return from, to
}

// within calls do, which may take so long as one question may. A panic is an
// error.
func (f *flight) within(do func(context.Context)) (err error) {
	ctx, cancel := context.WithTimeout(f.ctx, fetchTimeout)
	defer cancel()
	defer func() {
		if cause := recover(); cause != nil {
			err = panicked(cause)
		}
	}()
	do(ctx)
	return nil
}
