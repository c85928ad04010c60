package token

import (
	"errors"
	"math/rand/v2"
	"time"
)

// A Sharer is what a Store adds that several processes use at the same time.
type Sharer interface {
	// Lease makes this process the one that asks WeChat about key, until release
	// is called. The error is ErrLeased while another one is, or says that the
	// store is out of reach.
	Lease(key Key) (release func(), err error)

	// Watch has look called with the generation of key's record whenever that may
	// be another one than this process knows, until end is called or somebody else
	// watches key.
	Watch(key Key, look func(generation int64)) (end func())
}

const (
	// leasePoll is how often the store is asked for what another process, which
	// asks WeChat at this moment, is told.
	leasePoll = 100 * time.Millisecond

	// leasePatience is how long another process may ask WeChat before this one does so,
	// too, if it needs a token: it may hang.
	leasePatience = 8 * time.Second

	// unsharedBefore is how long before its expiry a token is renewed without the
	// other processes, because the store is out of reach: WeChat may make the tokens
	// of the others worthless by that.
	unsharedBefore = time.Minute

	// rotationSpread is within which time processes rotate the classic token by turns when
	// the store is out of reach, so that it is clear afterwards whose is the last.
	rotationSpread = time.Second

	// clockError is how exactly processes know when a token was fetched.
	clockError = 20 * time.Millisecond

	// planSpread is how much later than the process that fetched the token the
	// others plan to fetch its successor, at most.
	planSpread = 10 * time.Second
)

// consult finds out what other processes know before WeChat is asked. It reports
// whether that ended f, and if it did not, returns what ends this process's
// turn to ask.
func (k *Keeper) consult(f *flight) (release func(), ended bool) {
	for began := time.Now(); ; {
		f.read = time.Now()
		release, err := k.options.Shared.Lease(k.options.key())
		answered, unread := false, err
		if err == nil || errors.Is(err, ErrLeased) {
			answered, unread = k.isAnsweredByOthers(f)
		}
		switch {
		case err == nil && (answered || errors.Is(unread, ErrAway) && k.postpone(f)):
			release()
			return nil, true
		case err == nil:
			return release, false
		case answered:
			return nil, true
		case !errors.Is(err, ErrLeased), time.Since(began) > leasePatience:
			return nil, k.postpone(f)
		}
		if !f.pause(leasePoll) {
			k.end(f, (*state).abandoned)
			return nil, true
		}
	}
}

// isAnsweredByOthers reports whether what others have stored ended f, or why it could not be read.
func (k *Keeper) isAnsweredByOthers(f *flight) (bool, error) {
	next, err := k.mergeStored(f)
	return err == nil && k.superseded(f, next), err
}

// superseded ends f if others brought s since it began, and that is what f is after:
// what they fetched may be the very token that is to be replaced by force, and tells
// nothing of this process's AppSecret, which somebody wants to know if that costs no token.
func (k *Keeper) superseded(f *flight, s *state) bool {
	if s.generation == f.knows || f.forces || f.byHand && !k.options.Kind.rotates() || f.asked && s.err != nil || !s.answers(f.refused, time.Now(), k.options) {
		return false
	}
	k.end(f, (*state).abandoned)
	return true
}

// mergeStored adds to the state what other processes have stored. That ends no
// flight, and f, the one under way, goes on. It returns the state then, or why nothing could be read.
func (k *Keeper) mergeStored(f *flight) (*state, error) {
	r, err := k.options.Store.Load(k.options.key())
	if err != nil {
		f.later(func() { k.reportLoad(err) })
		return nil, err
	}
	f.later(func() { k.reportLoad(nil) })
	k.mu.Lock()
	before := k.state.Load()
	next, _ := before.merged(r, time.Now(), k.options)
	k.setState(next)
	k.mu.Unlock()
	f.later(func() { k.reportShared(before, next) })
	return next, nil
}

// postpone ends f and plans another one, because the store cannot be read or another
// process asks WeChat for too long. It reports false, and f goes on to ask WeChat, if
// the token is needed at once, or is a ticket, which does no harm.
func (k *Keeper) postpone(f *flight) bool {
	s := k.state.Load()
	if k.superseded(f, s) { // while the store was asked, it came back
		return true
	}
	if f.asked || k.options.Kind.ticket() != "" || !f.refused.Empty() || time.Until(s.token.Expires) < unsharedBefore || !s.token.ValidAt(time.Now()) {
		if k.options.Kind.rotates() {
			f.pause(portion(rotationSpread, rand.Float64()))
		}
		return false
	}
	k.end(f, func(s *state) *state {
		next, waiting := s.abandoned(), k.options.Issuer.Pacing.Waiting
		next.next = time.Now().Round(0).Add(waiting + portion(waiting, rand.Float64()))
		return next
	})
	return true
}

// reconcile adds to the state what another process has stored, or stores again what
// the store has lost, or has damaged. That ends no flight.
func (k *Keeper) reconcile() {
	k.mu.Lock()
	stopped := k.stopped
	k.mu.Unlock()
	if stopped {
		return // or a queue of them would hold up the end
	}
	r, err := k.options.Store.Load(k.options.key())
	k.reportLoad(err)
	if err != nil && !errors.Is(err, ErrNotStored) && !errors.Is(err, ErrDamaged) {
		return
	}
	k.mu.Lock()
	before := k.state.Load()
	next, newer := before.merged(r, time.Now(), k.options)
	lost := k.lost || !newer && next.generation != r.Notice.Generation
	k.update(next)
	k.mu.Unlock()
	k.reportShared(before, next)
	if lost && next.token.ValidAt(time.Now()) {
		k.save(nil)
	}
}

// mergeSaved notes that the store took r, or adds to the state the newer record that
// is there instead. That ends no flight.
//
// What it returns logs what is to be said of that.
func (k *Keeper) mergeSaved(r, stored Record) (report func()) {
	k.mu.Lock()
	before := k.state.Load()
	k.ignored = "" // what was in its place
	counted := *before
	counted.synced = r.Spent
	next, _ := counted.merged(stored, time.Now(), k.options)
	if stored.Token == r.Token && stored.Notice.FetchedAt.Equal(r.Notice.FetchedAt) {
		taken := counted
		taken.spent, taken.synced, taken.generation = next.spent, next.synced, stored.Notice.Generation
		next = &taken
	}
	k.update(next)
	k.mu.Unlock()
	return func() { k.reportShared(before, next) }
}

// update replaces the state beside a flight, or between two. The caller holds
// k.mu.
func (k *Keeper) update(next *state) {
	k.setState(next)
	if next.flight == nil {
		k.arm(next, time.Until(next.next))
	}
}

// reportShared logs that another process has another token, if it has one at all.
func (k *Keeper) reportShared(before, after *state) {
	if !after.token.ValidAt(time.Now()) || before.token.Value.Equal(after.token.Value.Reveal()) {
		return
	}
	if k.options.Kind.ticket() != "" {
		k.logger().Info("ticket taken over from another replica", "expires_in", timeUntil(after.token.Expires))
		return
	}
	k.logger().Info("token taken over from another replica", "expires_in", timeUntil(after.token.Expires))
}
