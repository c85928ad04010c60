package platform

import (
	"context"
	"errors"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/platform/event"
	"wxproxy/platform/internal/waiting"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

// codeGuess is for how long a code is tried whose end WeChat has not told. Codes of an hour
// were seen.
const codeGuess = time.Hour

// codeLeast is how long a code is tried at least.
const codeLeast = 10 * time.Minute

// act does what an event says, or plans the next try. The error is the store's.
func (p *Platform) act(a *Authorizer, e *waiting.Event, r *token.Record) error {
	sameSecond := e.Created.Equal(r.AuthorizedAt) && (e.InfoType == event.Unauthorized || r.State == token.Unauthorized)
	switch {
	case e.Code == "" && !sameSecond, isSuperseded(e, r):
		return p.settle(a, e, nil)
	case sameSecond:
		isListed, err := p.isListed(a.appID, e.Received)
		switch {
		case err != nil:
			return p.postpone(a, e, err)
		case !isListed:
			return p.settle(a, e, func(r *token.Record) { r.State, r.Token = token.Unauthorized, token.Token{} })
		case e.Code == "":
			return p.settle(a, e, nil)
		}
	}
	_, err := p.redeem(context.WithoutCancel(p.ctx), secret.New(e.Code), e.Created) // it ends by itself
	switch {
	case err == nil:
		return p.settle(a, e, func(r *token.Record) { confirm(r, e.Created) })
	case isSpent(err), time.Now().After(endOf(e)):
		return p.doWithoutCode(a, e)
	}
	return p.postpone(a, e, err)
}

// endOf returns when the code of an event can be redeemed no more.
func endOf(e *waiting.Event) time.Time {
	if e.CodeEnds.IsZero() {
		return e.Received.Add(codeGuess)
	}
	least := e.Received.Add(codeLeast) // WeChat's clock may be another, and its event late
	if e.CodeEnds.After(least) {
		return e.CodeEnds
	}
	return least
}

// isSuperseded reports whether a later event counts, so that this one is not to be acted
// upon.
func isSuperseded(e *waiting.Event, r *token.Record) bool {
	return e.Created.Before(r.AuthorizedAt) && (r.State == token.Unauthorized || !r.Refresh.Empty())
}

// confirm notes in a record with the tokens of a code when its merchant authorized.
func confirm(r *token.Record, created time.Time) {
	if !created.Before(r.AuthorizedAt) && !r.Refresh.Empty() {
		r.State, r.AuthorizedAt = token.Authorized, created
	}
}

// isSpent reports whether WeChat says that a code was used, or is too old.
func isSpent(err error) bool {
	refusal, ok := errors.AsType[*token.Refusal](err)
	return ok && (refusal.Code == wechat.CodeInvalid || refusal.Code == wechat.CodeExpired)
}

// settle notes that an event was acted upon, and changes the record with it.
func (p *Platform) settle(a *Authorizer, e *waiting.Event, change func(*token.Record)) error {
	a.mu.Lock()
	a.problem = nil // although it may wait to be forwarded
	a.mu.Unlock()
	return p.changeEvent(a, e.Hash, func(e *waiting.Event, r *token.Record) {
		e.Acted = true
		if change != nil {
			change(r)
		}
	})
}

// postpone plans the next try of an event.
func (p *Platform) postpone(a *Authorizer, e *waiting.Event, why error) error {
	if p.ctx.Err() != nil {
		return p.ctx.Err()
	}
	p.noteAddress(why)
	explained := p.issuer.Explain(why)
	if e.Failures == 0 {
		p.log().Warn("an event cannot be acted upon yet", "account", a.appID, "type", e.InfoType,
			"errcode", explained.Code, "errmsg", explained.Reason, "remedy", explained.Remedy, "remedy_zh", explained.RemedyZH)
	}
	a.mu.Lock()
	a.problem = why
	a.mu.Unlock()
	return p.changeEvent(a, e.Hash, func(e *waiting.Event, _ *token.Record) {
		pause := longestPause
		if e.Failures < 6 {
			pause = firstPause << e.Failures
		}
		e.Failures, e.Next = e.Failures+1, time.Now().Add(pause)
	})
}

// doWithoutCode finds a refresh token for an account whose code was used by somebody else,
// or by this process before it was killed, or is too old.
func (p *Platform) doWithoutCode(a *Authorizer, e *waiting.Event) error {
	r, err := p.options.Store.Load(p.key(a.appID))
	if err != nil {
		return err
	}
	if r.State == token.Authorized && !r.Refresh.Empty() {
		return p.settle(a, e, func(r *token.Record) { confirm(r, e.Created) }) // or an older end would undo it
	}
	ctx, cancel := context.WithTimeout(p.ctx, redeemTime)
	defer cancel()
	found, err := p.find(ctx, a.appID, doubt{since: e.Received})
	switch {
	case err != nil && hasLaterCode(&r, e):
		return p.settle(a, e, nil)
	case err != nil:
		return p.postpone(a, e, err)
	}
	return p.settle(a, e, func(r *token.Record) {
		if !e.Created.Before(r.AuthorizedAt) {
			r.AuthorizedAt, r.Token = e.Created, token.Token{}
			found.note(r)
		}
	})
}

// hasLaterCode reports whether a later event of the account brings another code: it decides.
func hasLaterCode(r *token.Record, e *waiting.Event) bool {
	q, err := waiting.Read(r.Events)
	if err != nil {
		return false
	}
	for i := range q.Events {
		if later := &q.Events[i]; !later.Acted && hasCode(later) && later.Code != e.Code && !later.Created.Before(e.Created) {
			return true
		}
	}
	return false
}

// Waits reports whether an event of the account in a record was not acted upon yet.
func Waits(r *token.Record) bool {
	q, err := waiting.Read(r.Events)
	return err == nil && q.NextToAct() != nil
}
