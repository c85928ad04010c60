package token

import (
	"math/rand/v2"
	"time"

	"wxproxy/internal/secret"
)

// shared returns the state after another process stored r, and whether that tells
// more of WeChat than s did. What was spent counts in any case.
func (s *state) shared(r Record, now time.Time, o Options) (next *state, newer bool) {
	n := *s
	n.synced = s.synced.atLeast(r.Spent, now)
	n.spent = s.spent.minus(s.synced, now).plus(n.synced, now)
	w, other := r.Word.ofAll(o), !r.Token.Value.Equal(s.token.Value.Reveal())
	if w.Generation == s.generation || other && w.FetchedAt.Before(s.fetchedAt.Add(-moment)) {
		return &n, false
	}
	n.generation = w.Generation
	if r.Token.ValidAt(now) {
		switch {
		case other:
			n.token, n.stuck, n.next = r.Token, nil, now.Round(0)
			n.since, n.planned, n.examined = r.Token.issuedAt(w.FetchedAt, o), time.Time{}, time.Time{}
		case r.Token.Expires.After(n.token.Expires): // WeChat repeated it
			n.token.Expires = r.Token.Expires
		}
		if !other && w.Stands.After(now) {
			n.examined = now // by the other process
		}
		if n.err != nil {
			n.stuck, n.planned = nil, time.Time{} // which came with it
		}
		n.fetchedAt, n.stands = w.FetchedAt, w.Stands
		n.err, n.class, n.failures = nil, "", 0
	}
	if w.Refusal != nil {
		n.err, n.class, n.failures, n.failedAt = w.Refusal, o.Issuer.Explain(w.Refusal).Class, w.Failures, now
	}
	if w.Next.After(now) {
		spare := max(min(n.token.Expires.Sub(w.Next)/2, stagger), 0)
		n.next = w.Next.Round(0).Add(portion(spare, rand.Float64()))
	}
	return &n, true
}

// ofAll returns w without a refusal that is only the writer's, as earlier versions
// wrote them, and without what the writer planned because of it.
func (w Word) ofAll(o Options) Word {
	if w.Refusal != nil && o.Issuer.sharedRefusal(w.Refusal) == nil {
		w.Refusal, w.Next = nil, time.Time{}
	}
	return w
}

// word returns what other processes are told of s.
func (s *state) word(now time.Time, o Options) Word {
	w := Word{
		Generation: s.generation,
		FetchedAt:  s.fetchedAt,
		Stands:     s.stands,
		Next:       s.next,
		Added:      s.spent.minus(s.synced, now),
	}
	if refusal := o.Issuer.sharedRefusal(s.err); refusal != nil {
		w.Refusal, w.Failures = refusal, s.failures
	}
	return w
}

// answers reports whether s, which another process made, is what somebody wanted
// to know who was refused with refused, or for whom the token was due.
func (s *state) answers(refused secret.Secret, now time.Time, o Options) bool {
	switch {
	case s.backsOff(now, o) > 0:
		return true
	case !s.token.ValidAt(now), o.Ticket != "" && !s.lendable():
		return false
	case refused.Empty():
		return now.Before(s.next)
	}
	return !s.token.Value.Equal(refused.Reveal()) || s.standsBy(now, o)
}
