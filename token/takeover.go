package token

import (
	"math/rand/v2"
	"time"

	"wxproxy/internal/secret"
)

// merged returns the state after another process stored r, and whether that tells
// more of WeChat than s did. What was spent counts in any case.
func (s *state) merged(r Record, now time.Time, o Options) (next *state, newer bool) {
	n := *s
	n.synced = s.synced.atLeast(r.Spent, now)
	n.spent = s.spent.minus(s.synced, now).plus(n.synced, now)
	w, other := r.Notice.forAll(o), !r.Token.Value.Equal(s.token.Value.Reveal())
	if w.Generation == s.generation || other && w.FetchedAt.Before(s.fetchedAt.Add(-clockError)) {
		return &n, false
	}
	n.generation = w.Generation
	if r.Token.ValidAt(now) {
		switch {
		case other:
			n.token, n.stuck, n.next, n.others = r.Token, nil, now.Round(0), true
			n.since, n.planned, n.examined = r.Token.issuedAt(w.FetchedAt, o), time.Time{}, time.Time{}
		case r.Token.Expires.After(n.token.Expires): // WeChat repeated it
			n.token.Expires = r.Token.Expires
		}
		if !other && w.TrustedUntil.After(now) {
			n.examined = now // by the other process
		}
		if n.err != nil {
			n.stuck, n.planned = nil, time.Time{} // which came with it
		}
		n.fetchedAt, n.trustedUntil = w.FetchedAt, w.TrustedUntil
		n.err, n.class, n.failures = nil, "", 0
	}
	if w.Refusal != nil {
		n.err, n.class, n.failures, n.failedAt = w.Refusal, o.Issuer.Explain(w.Refusal).Class, w.Failures, now
	}
	if w.Next.After(now) {
		spare := max(min(n.token.Expires.Sub(w.Next)/2, planSpread), 0)
		n.next = w.Next.Round(0).Add(portion(spare, rand.Float64()))
	}
	return &n, true
}

// forAll returns w without a refusal that is only the writer's, as earlier versions
// wrote them, and without what the writer planned because of it.
func (w Notice) forAll(o Options) Notice {
	if w.Refusal != nil && o.Issuer.sharedRefusal(w.Refusal) == nil {
		w.Refusal, w.Next = nil, time.Time{}
	}
	return w
}

// notice returns what other processes are told of s.
func (s *state) notice(now time.Time, o Options) Notice {
	w := Notice{
		Generation:   s.generation,
		FetchedAt:    s.fetchedAt,
		TrustedUntil: s.trustedUntil,
		Next:         s.next,
		Added:        s.spent.minus(s.synced, now),
	}
	if refusal := o.Issuer.sharedRefusal(s.err); refusal != nil {
		w.Refusal, w.Failures = refusal, s.failures
	}
	return w
}

// answers reports whether s, which another process made, is what a flight is for that
// was started because refused had been rejected, or the token was due.
func (s *state) answers(refused secret.Secret, now time.Time, o Options) bool {
	switch {
	case s.backsOff(now, o) > 0:
		return true
	case !s.token.ValidAt(now), o.Kind.ticket() != "" && !s.lendable():
		return false
	case refused.Empty():
		return now.Before(s.next)
	}
	return !s.token.Value.Equal(refused.Reveal()) || s.standsBy(now, o)
}

// watch listens to the other processes that use the store, until the Keeper stops.
func (k *Keeper) watch() {
	if k.options.Shared == nil {
		return
	}
	end := k.options.Shared.Watch(k.options.key(), k.heard)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unwatch = end
}

// heard reads the store again, in the background, if the generation of the record in
// it is another one than the state's.
func (k *Keeper) heard(generation int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if known := generation == k.state.Load().generation && !k.lost; known || k.stopped {
		return
	}
	k.saves.Add(1)
	k.options.Queue.Add(func() {
		defer k.saves.Done()
		k.reconcile()
	})
}

// reread reads the store again for a flight that began to ask WeChat so
// long ago, because this process was stopped or WeChat is slow, that the lease
// may be another's.
func (k *Keeper) reread(f *flight) {
	if k.options.Shared != nil && time.Since(f.read) > LeaseLife {
		f.read = time.Now()
		_, _ = k.mergeStored(f) // that nothing can be read changes nothing
	}
}

// isOvertaken reports whether another process has replaced the token that f is about,
// so that WeChat is not to be asked.
func (k *Keeper) isOvertaken(f *flight) bool {
	k.reread(f)
	s := k.state.Load()
	return k.options.Shared != nil && s.token.ValidAt(time.Now()) && !f.before.Equal(s.token.Value.Reveal())
}

// supersedes reports whether s knows more than o: another process asked for its
// token later than o was asked for.
func (s *state) supersedes(o outcome, now time.Time) bool {
	return s.token.ValidAt(now) && s.fetchedAt.After(o.asked) && !s.token.Value.Equal(o.token.Value.Reveal())
}

// Inherit has k, which was not started yet, take over the token and the budget of
// another Keeper of the same app, which it replaces. Failures are forgotten: that
// there is another Keeper may end them.
func (k *Keeper) Inherit(from *Keeper) {
	s, now := from.state.Load(), time.Now()
	next := &state{
		token: s.token, before: s.before, fetchedAt: s.fetchedAt, since: s.since, next: s.next, trustedUntil: s.trustedUntil,
		spent: s.spent, generation: s.generation, synced: s.synced,
	}
	if s.err != nil {
		next.next = time.Time{}
	}
	if k.replans(from, s) {
		next.next = k.options.replanned(s.token, now, rand.Float64())
	}
	if due := next.token.Expires.Add(-k.options.before()); k.options.rotatesLent() && due.Before(next.next) {
		next.next = due.Round(0)
	}
	if k.options.Lazy {
		k.used.Store(from.used.Load())
	}
	knowsAll := from.hasReadAll()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hasRead = next.token.ValidAt(now) || knowsAll // or the store may know more
	k.setState(next)
}

// replans reports whether what from had planned in the state s is another moment
// for k, which refreshes a token earlier or later before its expiry.
func (k *Keeper) replans(from *Keeper, s *state) bool {
	return k.options.refreshBefore() != from.options.refreshBefore() && s.mayReplan(time.Now(), k.options)
}

// mayReplan reports whether what s has planned follows from the token's life alone.
func (s *state) mayReplan(now time.Time, o Options) bool {
	return o.Kind.ticket() == "" && s.err == nil && s.stuck == nil && s.token.ValidAt(now) && !s.spent.isOverBudget(now, o)
}

// resume plans the next flight if there is a token that was inherited.
func (k *Keeper) resume() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.state.Load()
	if !s.token.ValidAt(time.Now()) {
		return false
	}
	k.arm(s, time.Until(s.next))
	return true
}

// MarkUnused has k, whose place another Keeper took, ask WeChat no more by itself: a
// classic token that it fetched would end its successor's. A request that still
// uses k has it fetch what that needs.
func (k *Keeper) MarkUnused() { k.used.Store(0) }
