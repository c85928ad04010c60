package token

import (
	"math/rand/v2"
	"time"
)

// A Kind is how a kind of credential behaves, in all that is not the same for each.
// There is one small type for each kind, so that nothing else asks which it is.
type Kind interface {
	// rotates reports whether a fetch makes the credential before it worthless.
	rotates() bool

	// ticket returns the type of a ticket; empty for a token.
	ticket() string

	// replace finds what to use from now on instead of the one that f's caller was
	// refused with.
	replace(k *Keeper, f *flight) outcome

	// force notes what it costs to have one replaced whatever is thought of it, and
	// returns the fetch that does so.
	force(o *Options, s *Spent, now time.Time) Fetch

	// afterLoad returns when to ask for the successor of the one in s, which the store
	// had.
	afterLoad(s *state, now time.Time, o Options) time.Time

	// afterAnswer returns when to ask for the successor of the one in s, which was
	// answered with at now, when before was what the Keeper knew.
	afterAnswer(before, s *state, now time.Time, o Options) time.Time

	// lend returns one for programs that keep it for a while, see [Keeper.Lend].
	lend(k *Keeper, wait time.Duration) (string, time.Duration, error)
}

// Repeating tokens are answered again until they are about to expire, as those of
// WeChat's stable_token are. One that is dead before is replaced by [Options.Force].
type Repeating struct{}

func (Repeating) rotates() bool { return false }

func (Repeating) ticket() string { return "" }

func (Repeating) replace(k *Keeper, f *flight) outcome {
	o := k.fetch(f)
	if o.overtaken || o.err == nil && !f.refused.Equal(o.token.Value.Reveal()) {
		return o
	}
	o.verdict = k.probe(f)
	switch {
	case o.err != nil || o.verdict != Dead:
		return o
	case k.state.Load().isYoung(f.sent):
		return outcome{token: o.token, young: true} // it may become good yet, and is not replaced by force
	}
	return k.force(f, o.token)
}

func (Repeating) force(o *Options, s *Spent, now time.Time) Fetch {
	s.Forced, s.ForcedAt = s.Forced+1, now
	return o.Force
}

func (Repeating) afterLoad(s *state, now time.Time, o Options) time.Time {
	left, wall := s.token.Expires.Sub(now), now.Round(0)
	if left > o.before() {
		return wall.Add(o.firstAfter(o.refreshAfter(left, rand.Float64()), rand.Float64()))
	}
	return wall
}

func (Repeating) afterAnswer(before, s *state, now time.Time, o Options) time.Time {
	return before.due(s.token, now, o)
}

func (Repeating) lend(k *Keeper, wait time.Duration) (string, time.Duration, error) {
	return k.lendToken(wait)
}

// Rotating tokens end when another one is fetched, as those of WeChat's classic API
// do: a good one must not be replaced.
type Rotating struct{ Repeating }

func (Rotating) rotates() bool { return true }

// replace examines the refused token before it asks for another one, or a good token
// would be made worthless.
func (Rotating) replace(k *Keeper, f *flight) outcome {
	verdict := k.probe(f)
	if verdict == Alive {
		return outcome{token: k.state.Load().token, verdict: Alive}
	}
	if k.isOvertaken(f) {
		return outcome{overtaken: true}
	}
	k.spend(func(s *Spent) { s.RotatedAt = time.Now() })
	k.save(nil)
	t, err := k.ask(f, f.reason(k.state.Load()), k.options.Fetch)
	if err != nil {
		return outcome{err: err, verdict: verdict}
	}
	k.awaitEdges(f, t)
	return outcome{token: t}
}

func (Rotating) force(o *Options, s *Spent, now time.Time) Fetch {
	s.RotatedAt = now
	return o.Fetch
}

// A ticketKind is a ticket of one type. WeChat repeats it with a whole life each time.
type ticketKind struct {
	Repeating
	of string
}

func (t ticketKind) ticket() string { return t.of }

func (ticketKind) afterLoad(s *state, now time.Time, _ Options) time.Time { return s.outlasts(now) }

func (ticketKind) afterAnswer(_, s *state, now time.Time, _ Options) time.Time {
	return s.outlasts(now)
}

func (ticketKind) lend(k *Keeper, wait time.Duration) (string, time.Duration, error) {
	return k.lendTicket(wait)
}
