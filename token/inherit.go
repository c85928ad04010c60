package token

import (
	"math/rand/v2"
	"time"
)

// Inherit has k, which was not started yet, take over the token and the budget of
// another Keeper of the same app, which it replaces. Failures are forgotten: that
// there is another Keeper may end them.
func (k *Keeper) Inherit(from *Keeper) {
	s, now := from.state.Load(), time.Now()
	next := &state{
		token: s.token, before: s.before, fetchedAt: s.fetchedAt, since: s.since, next: s.next, stands: s.stands,
		spent: s.spent, generation: s.generation, synced: s.synced,
	}
	if s.err != nil {
		next.next = time.Time{}
	}
	if k.replans(from, s) {
		next.next = now.Round(0)
		if left := s.token.Expires.Sub(now); left > k.options.before() {
			next.next = next.next.Add(k.options.refreshAfter(left, rand.Float64()))
		}
	}
	if due := next.token.Expires.Add(-k.options.before()); k.options.Classic && k.options.Lent && due.Before(next.next) {
		next.next = due.Round(0)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hasRead = next.token.ValidAt(now) // or the store may know more
	k.setState(next)
}

// replans reports whether what from had planned in the state s is another moment
// for k, which refreshes a token earlier or later before its expiry.
func (k *Keeper) replans(from *Keeper, s *state) bool {
	now := time.Now()
	return k.options.Ticket == "" && k.options.RefreshBefore != from.options.RefreshBefore &&
		s.err == nil && s.stuck == nil && s.token.ValidAt(now) && !s.spent.isFrugal(now, k.options)
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

// Rest has k, whose place another Keeper took, ask WeChat no more by itself: a
// classic token that it fetched would end its successor's. A request that still
// uses k has it fetch what that needs.
func (k *Keeper) Rest() { k.used.Store(0) }
