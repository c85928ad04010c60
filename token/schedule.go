package token

import "time"

const (
	// RotationWindow is the end of a token's life in which stable_token hands
	// out a new one. Asked earlier, it repeats the current token.
	RotationWindow = 5 * time.Minute

	// minPause separates a fetch from the next planned one.
	minPause = time.Second

	// minRepeat is how soon WeChat is asked again that just repeated a token.
	minRepeat = 10 * time.Second

	// sameExpiry is how much later a repeated token may seem to expire, counted
	// from before a slow fetch, without its life having been prolonged.
	sameExpiry = 30 * time.Second
)

// refreshAfter returns how long to keep a token that has life left before
// replacing it: until before its expiry, and up to two fifths of that later, so
// that ten thousand accounts do not all ask within a minute, as WeChat counts. The jitter never
// makes it earlier, because WeChat would only repeat the token. A token that
// lives briefly is kept for half of its life. random is in [0,1).
func refreshAfter(life, before time.Duration, random float64) time.Duration {
	before = min(before, life/2)
	return max(life-before+portion(before*2/5, random), minPause)
}

// rotatesLent reports whether programs keep tokens of which a fetch ends the one before.
func (o *Options) rotatesLent() bool { return o.Kind.rotates() && o.lent() }

// before returns how long before its expiry a token is due.
func (o *Options) before() time.Duration {
	if o.rotatesLent() {
		return max(o.refreshBefore(), lentBefore)
	}
	return o.refreshBefore()
}

// replanned returns when a token is due that was planned for another moment. random is in
// [0,1).
func (o *Options) replanned(t Token, now time.Time, random float64) time.Time {
	next := now.Round(0)
	if left := t.Expires.Sub(now); left > o.before() {
		next = next.Add(o.firstAfter(o.refreshAfter(left, random), random)) // many are planned anew at a time
	}
	return next
}

// refreshAfter returns how long to keep a token that has life left. A classic one
// that programs keep is replaced earlier rather than later: they subtract a margin
// from its life, and WeChat makes another one whenever it is asked.
func (o *Options) refreshAfter(life time.Duration, random float64) time.Duration {
	before := o.before()
	if spare := life - before; o.rotatesLent() && spare > 0 {
		return max(spare-portion(min(lentJitter, spare/5), random), minPause)
	}
	return refreshAfter(life, before, random)
}

// firstAfter returns how long to keep the first token that a Keeper has, of which
// refreshAfter says after. A hundred thousand that began within a minute would ask within
// two minutes for ever.
func (o *Options) firstAfter(after time.Duration, random float64) time.Duration {
	if !o.Spread || o.rotatesLent() {
		return after
	}
	return max(after-portion(after/4, random), min(after, minPause))
}

// repeatAfter returns how long to wait before asking again for the successor of
// a token that has left to live and was just repeated by WeChat, because it was
// asked too early: before that one expires, unless it does within a moment, and not
// before least. random is in [0,1).
func repeatAfter(left, before, least time.Duration, random float64) time.Duration {
	wait := max(left-min(before, RotationWindow), least) + portion(minRepeat, random)
	return max(min(wait, left), minPause)
}

// portion returns the random part of d.
func portion(d time.Duration, random float64) time.Duration {
	return time.Duration(random * float64(d))
}

// BeijingDay numbers the days as WeChat's quotas count them, which end at
// midnight in Beijing.
func BeijingDay(t time.Time) int64 {
	const eastOfGreenwich = 8 * 60 * 60
	return (t.Unix() + eastOfGreenwich) / (24 * 60 * 60)
}
