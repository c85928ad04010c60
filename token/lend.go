package token

import "time"

// least is the shortest life that is handed out. Cut down to whole seconds, as
// WeChat states lives, less would be 0, which caches read as no end at all.
const least = time.Second

// Lend returns a token and how long it lives, for programs that keep it for a while,
// as SDKs do, and take a margin off that life. Callers for whom too little is left
// wait for its successor, at most that long; without one they get what is left. The
// error is an [*Unavailable] or a [*Timeout].
func (k *Keeper) Lend(wait time.Duration) (string, time.Duration, error) {
	return k.options.Kind.lend(k, wait)
}

// lendTicket returns a ticket and how long it lives.
func (k *Keeper) lendTicket(wait time.Duration) (string, time.Duration, error) {
	began := time.Now()
	k.use(began)
	if !k.state.Load().token.ValidAt(began) {
		if _, err := k.obtain("", wait); err != nil {
			return "", 0, err
		}
	}
	s := k.state.Load()
	for try := 0; try < lentTries && !s.lendable(); try++ { // be it out of the store, or another replica's
		k.awaitSuccessor(wait - time.Since(began))
		if s = k.state.Load(); s.err != nil {
			break
		}
	}
	switch left := time.Until(s.token.Expires); {
	case left >= min(least, s.leastLendable()):
		return s.value, left, nil
	case s.err != nil:
		return "", 0, k.unavailable(s.err, max(time.Until(s.next), 0))
	case time.Since(began) >= wait:
		return "", 0, k.timeout(wait)
	}
	return "", 0, k.unavailable(ErrBrief, minPause)
}

// awaitSuccessor waits for the successor of what has too little left to be lent, unless
// WeChat has just failed to answer with one. After an earlier failure the wait is
// short: what is left is better than nothing.
func (k *Keeper) awaitSuccessor(wait time.Duration) {
	k.mu.Lock()
	s, now := k.state.Load(), time.Now()
	f := s.flight
	if f == nil && !k.stopped && s.backsOff(now, k.options) <= 0 {
		f = k.launch(s, "")
	}
	k.mu.Unlock()
	if f == nil {
		return
	}
	if s.err != nil {
		wait = min(wait, k.options.Issuer.Pacing.Waiting)
	}
	if !f.hasBegun() {
		go k.run(f)
	}
	f.await(wait)
}

// leastLendable returns how much life a ticket must have left to be lent. A ticket has
// half of its life, as SDKs take up to 1500 s off; WeChat always says 7200 s.
func (s *state) leastLendable() time.Duration {
	life := UsualLife // of one out of the store
	if !s.fetchedAt.IsZero() {
		life = min(life, s.token.Expires.Sub(s.fetchedAt))
	}
	return (life + time.Second - 1).Truncate(time.Second) / 2 // a store may have cut the second
}

// lendable reports whether a ticket has enough left to be lent.
func (s *state) lendable() bool { return time.Until(s.token.Expires) >= s.leastLendable() }

// outlasts returns when a ticket has no longer enough left to be lent.
func (s *state) outlasts(now time.Time) time.Time {
	return now.Round(0).Add(max(s.token.Expires.Sub(now)-s.leastLendable(), minPause))
}
