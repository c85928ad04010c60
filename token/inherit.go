package token

import "time"

// Inherit has k, which was not started yet, take over the token and the budget of
// another Keeper of the same app, which it replaces. Failures are forgotten: that
// there is another Keeper may end them.
func (k *Keeper) Inherit(from *Keeper) {
	s := from.state.Load()
	next := &state{
		token: s.token, before: s.before, fetchedAt: s.fetchedAt, since: s.since, next: s.next, stands: s.stands,
		spent: s.spent, generation: s.generation, synced: s.synced,
	}
	if s.err != nil {
		next.next = time.Time{}
	}
	if due := next.token.Expires.Add(-k.options.before()); k.options.Classic && k.options.Lent && due.Before(next.next) {
		next.next = due.Round(0)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hasRead = next.token.validAt(time.Now()) // or the store may know more
	k.setState(next)
}

// resume plans the next flight if there is a token that was inherited.
func (k *Keeper) resume() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.state.Load()
	if !s.token.validAt(time.Now()) {
		return false
	}
	k.arm(s, time.Until(s.next))
	return true
}
