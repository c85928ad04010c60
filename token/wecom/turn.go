package wecom

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"wxproxy/token"
)

// A turn is the permission to show a secret once.
type turn struct {
	guard  *Guard
	key    token.Key
	hash   string
	before trial
	unread token.Trial   // what is known if the answer is lost
	alone  chan struct{} // closed at the end: others wait for it to show the same secret; nil: nobody does
	left   bool
}

// await waits until no other account shows the same secret, which may be wrong: what WeCom
// answers to one is true of all.
func (t *turn) await(ctx context.Context) error {
	g := t.guard
	for {
		g.mu.Lock()
		other := g.showing[t.hash]
		if other == nil {
			t.alone = make(chan struct{})
			g.showing[t.hash] = t.alone
		}
		g.mu.Unlock()
		if other == nil {
			return nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// endWait lets others show the same secret.
func (t *turn) endWait() {
	if t.alone == nil {
		return
	}
	t.guard.mu.Lock()
	delete(t.guard.showing, t.hash)
	t.guard.mu.Unlock()
	close(t.alone)
}

// shown returns what is to be known of a secret that is about to be shown, should there be
// no answer: one that was refused before was refused again as far as anybody knows.
func (t trial) shown(hash string, now time.Time) token.Trial {
	next := token.Trial{Secret: hash, Worked: t.Worked}
	if t.Secret == hash {
		next.Refusals, next.Errcode, next.Unanswered = t.Refusals, t.Errcode, t.Unanswered
	}
	if next.Refusals > 0 {
		next.Refusals++
		next.Until = inSeconds(now.Add(pauseAfter(next.Refusals, rand.Float64())))
		return next
	}
	next.Unanswered = min(next.Unanswered+1, mostUnanswered)
	next.Until = inSeconds(now.Add(time.Second << (next.Unanswered - 1)))
	return next
}

// mostUnanswered makes a pause of a minute, which is doubled from a second on.
const mostUnanswered = 7

// leave ends the turn, if it has no other end.
func (t *turn) leave() {
	defer t.endWait()
	t.guard.mu.Lock()
	defer t.guard.mu.Unlock()
	if !t.left {
		t.left = true
		t.guard.underWay--
	}
}

// end ends the turn with what WeCom answered, and returns err, as a [*token.Paused] if
// WeCom is not to be asked the same soon.
func (t *turn) end(ctx context.Context, err error) error {
	refusal, refused := errors.AsType[*token.Refusal](err)
	now, next := time.Now(), t.before.Trial
	switch {
	case err == nil:
		next = token.Trial{Secret: t.hash, Worked: true}
	case refused && isWrongSecret(refusal.Code):
		if next.Secret != t.hash {
			next.Refusals = 0
		}
		next.Refusals++
		next.Secret, next.Errcode, next.Resting, next.Unanswered = t.hash, refusal.Code, false, 0
		next.Until = inSeconds(now.Add(pauseAfter(next.Refusals, rand.Float64())))
	case refused && refusal.Code == tooOften:
		next.Errcode, next.Resting, next.Until = refusal.Code, true, inSeconds(now.Add(rest))
	case t.unread.Secret == "": // the secret is known to be right
		return err
	case refused, errors.Is(err, token.ErrNotAsked): // which says nothing of the secret
		t.guard.keep(ctx, t.key, next, t.unread)
		return err
	default:
		next = t.unread
	}
	t.note(next, refusal, now)
	if !next.SameTrial(t.unread) {
		t.guard.keep(ctx, t.key, next, t.unread)
	}
	if err == nil {
		return nil
	}
	return &token.Paused{Cause: err, Until: next.Until, Asked: true}
}

// note keeps in memory what WeCom answered, nil for a token or for nothing, and ends the
// turn.
func (t *turn) note(next token.Trial, refusal *token.Refusal, now time.Time) {
	g, told := t.guard, trial{Trial: next}
	g.mu.Lock()
	defer g.mu.Unlock()
	for hash, other := range g.refused {
		if !now.Before(other.Until) {
			delete(g.refused, hash)
		}
	}
	delete(g.refused, t.hash)
	if refusal != nil {
		told.reason = refusal.Reason
	}
	switch {
	case told.proves(t.hash):
		g.find(t.hash)
	case refusal == nil:
		g.refused[t.hash] = next
		g.lose(t.hash, now)
	case !next.Resting:
		g.refused[t.hash] = next
		g.refuse(now)
	}
	g.trials[t.key] = told
	g.underWay--
	t.left = true
}
