package token

import "time"

// catchFlightUp reads the store again for a flight that began to ask WeChat so
// long ago, because this process was stopped or WeChat is slow, that the lease
// may be another's.
func (k *Keeper) catchFlightUp(f *flight) {
	if k.options.Shared != nil && time.Since(f.read) > LeaseLife {
		f.read = time.Now()
		k.absorb(f)
	}
}

// isLate reports whether another process has replaced the token that f is about,
// so that WeChat is not to be asked.
func (k *Keeper) isLate(f *flight) bool {
	k.catchFlightUp(f)
	s := k.state.Load()
	return k.options.Shared != nil && s.token.ValidAt(time.Now()) && !f.had.Equal(s.token.Value.Reveal())
}

// supersedes reports whether s knows more than o: another process asked for its
// token later than o was asked for.
func (s *state) supersedes(o outcome, now time.Time) bool {
	return s.token.ValidAt(now) && s.fetchedAt.After(o.asked) && !s.token.Value.Equal(o.token.Value.Reveal())
}
