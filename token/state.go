package token

import (
	"cmp"
	"math/rand/v2"
	"time"

	"wxproxy/internal/secret"
)

// standing is how long WeChat's word about a refused token holds: neither does
// a further rejection of a token that WeChat stands by reach WeChat, nor is the
// classic token rotated again for one.
const standing = 30 * time.Second

// A state is all that a Keeper knows at one moment. It is replaced, not edited,
// so that a reader sees one moment whole.
//
// The life of a token is measured by a clock that cannot be set, so that setting
// this machine's clock takes no good token away. That clock stops while the
// machine is suspended: the plan is wall clock time, so that a token which died
// meanwhile is renewed at once, and at the latest when WeChat refuses it.
type state struct {
	value  string // the token's value: what a request looks at comes first, so that it is one line of the processor's cache
	token  Token
	next   time.Time // the due moment, or after a failure that of the retry
	flight *flight   // the one under way, or nil

	before         string    // the value of the last token but this one
	fetchedAt      time.Time // when the token was asked for; zero for one out of the store of one process
	trustedUntil   time.Time // until then a rejection of token is not taken to WeChat
	stuck          error     // why WeChat has no other token although this one is dead
	since          time.Time // when the token's value was asked for first; zero if that is not known
	honoured       time.Time // when WeChat was last seen to honour the token after a refusal
	examined       time.Time // when it was last asked about the token that is dead
	askedForLonger time.Time // when WeChat was last asked for a token that lives long enough to be lent, and had none
	planned        time.Time // what next was before a refusal of the token changed it; zero if none did

	err      error     // of the last fetch; nil after a success
	class    Class     // of err
	failures int       // of this class, in a row
	failedAt time.Time // of the last fetch that failed, or left the token dead
	askedAt  time.Time // when somebody outside last had WeChat asked
	sentAt   time.Time // when WeChat was last asked for a token
	others   bool      // the token was fetched by another process, or before the start

	denied error // what WeChat refused the AppSecret for in a request of a caller's

	spent Spent

	generation int64 // of the record in a shared store that s knows
	synced     Spent // what of spent is in it
}

// standsBy reports whether a rejection of the token is not to be taken to WeChat:
// that has just been done, or was done too often today.
func (s *state) standsBy(now time.Time, o Options) bool {
	return now.Before(s.trustedUntil) || s.spent.isOverBudget(now, o)
}

// backsOff returns how long WeChat is not to be asked for a caller, because the
// last fetch failed so recently. What a ticket was refused for, or a platform's token,
// may end with a new credential.
func (s *state) backsOff(now time.Time, o Options) time.Duration {
	if s.err == nil || o.Renewed != nil && o.Renewed() {
		return 0
	}
	wait := s.next.Sub(now)
	if s.class == ClassTransient && !s.spent.isOverBudget(now, o) {
		wait = min(wait, s.failedAt.Add(o.Issuer.Pacing.Waiting).Sub(now))
	}
	return wait
}

// abandoned returns s without its flight, which the Keeper's end cut short.
func (s *state) abandoned() *state {
	next := *s
	next.flight = nil
	return &next
}

// loaded returns the state after the store had t. One that is already due is
// served while its successor is asked for.
func (s *state) loaded(t Token, o Options) *state {
	now, next := time.Now(), s.abandoned()
	next.token = Token{Value: t.Value, Expires: now.Add(t.Expires.Sub(now))}
	next.since, next.others = next.token.issuedAt(time.Time{}, o), true
	next.next = o.Kind.afterLoad(next, now, o)
	if recently(s.spent.RotatedAt, now) {
		next.trustedUntil = s.rotationStands(now)
	}
	return next
}

// rotationStands returns until when the classic token is not rotated again for a
// rejection.
func (s *state) rotationStands(now time.Time) time.Time {
	return now.Add(standing - now.Sub(s.spent.RotatedAt))
}

// failed returns the state after a fetch ended with o.err. The token stays, but
// one that a probe found dead is not called usable.
func (s *state) failed(o outcome, with Options) *state {
	now, next := time.Now(), s.abandoned()
	next.err, next.failedAt = o.err, now
	next.class = with.Issuer.Explain(o.err).Class
	switch o.verdict {
	case Alive:
		next.trustedUntil, next.honoured, next.stuck = now.Add(standing), now, nil
	case Dead:
		next.stuck = o.err
	}
	if o.doubts && !s.isDoubted() && s.err == nil && now.Before(s.next) {
		next.planned = s.next
	}
	if s.err == nil || next.class != s.class {
		next.failures = 0
	}
	next.failures++
	wait := with.Issuer.Pacing.retryAfter(next.class, next.failures, rand.Float64())
	if s.spent.isOverBudget(now, with) {
		wait = max(wait, with.Issuer.Pacing.FetchPause)
	}
	if paused, ok := o.err.(*Paused); ok { //nolint:errorlint // a fetch returns it as it is
		wait = max(paused.Until.Sub(now), minPause)
	}
	next.next = now.Round(0).Add(wait)
	return next
}

// answered returns the state after WeChat answered o, asked because refused had
// been rejected, or for no such reason if that is empty.
func (s *state) answered(o outcome, refused secret.Secret, with Options) *state {
	now, next := time.Now(), s.abandoned()
	next.stuck = o.stuck
	same := s.token.Value.Equal(o.token.Value.Reveal())
	next.judged(o, refused, now)
	switch {
	case o.young:
		next.trustedUntil = s.since.Add(standing)
	case refused.Equal(o.token.Value.Reveal()), with.Kind.rotates() && !refused.Empty():
		next.trustedUntil = now.Add(standing)
	case recently(s.spent.RotatedAt, now): // a rotation that succeeded at the second try
		next.trustedUntil = s.rotationStands(now)
	case !with.Kind.rotates() && !same:
		next.trustedUntil = time.Time{} // what was said of another token
	}
	if with.Kind.rotates() && same {
		return next.confirmed(now, with) // a probe was enough
	}
	next.err, next.class, next.failures, next.denied, next.planned = nil, "", 0, nil, time.Time{}
	next.token = o.token
	if !same {
		next.since, next.examined, next.others = o.token.issuedAt(o.asked, with), time.Time{}, false
	}
	next.fetchedAt = o.asked
	next.next = with.Kind.afterAnswer(s, next, now, with)
	switch {
	case o.young:
		return next.resting(now, with)
	case o.stuck != nil:
		return next.foundDead(s, now, with)
	}
	return next
}

// judged notes in s, which is not in use yet, what WeChat thinks of the refused token.
func (s *state) judged(o outcome, refused secret.Secret, now time.Time) {
	if o.verdict == Alive {
		s.honoured = now
	}
	if refused.Equal(o.token.Value.Reveal()) {
		s.examined = now
	}
}

// due returns when to ask for the successor of t, which WeChat answered at now.
func (s *state) due(t Token, now time.Time, o Options) time.Time {
	left, wall := t.Expires.Sub(now), now.Round(0)
	repeated := s.token.Value.Equal(t.Value.Reveal()) && t.Expires.Sub(s.token.Expires) < sameExpiry
	if !repeated {
		after := o.refreshAfter(left, rand.Float64())
		if s.token.Value.Empty() {
			after = o.firstAfter(after, rand.Float64())
		}
		if s.spent.isOverBudget(now, o) {
			after = max(after, min(o.Issuer.Pacing.FetchPause, left))
		}
		return wall.Add(after)
	}
	soon := wall.Add(repeatAfter(left, o.refreshBefore(), cmp.Or(o.Issuer.Pacing.Repeating, minRepeat), rand.Float64()))
	if soon.Before(s.next) && s.next.Before(wall.Add(left)) {
		return s.next // a rejection made us ask, and the plan holds
	}
	return soon
}
