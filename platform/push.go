package platform

import (
	"context"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/platform/event"
	"wxproxy/platform/internal/waiting"
	"wxproxy/token"
)

// Push is an event that WeChat has pushed. The words for it are those of package event, which
// those who take pushes know too.
type Push = event.Push

// Taken says what has become of an event.
type Taken = event.Taken

// What may become of an event.
const (
	PassOn    = event.PassOn
	Kept      = event.Kept
	NewTicket = event.NewTicket
	Repeated  = event.Repeated
)

// ErrForeign says that an event is for another platform.
var ErrForeign = event.ErrForeign

// ErrFull says that too many events of one account wait. WeChat keeps another one, if it is
// told so.
var ErrFull = waiting.ErrFull

// Event takes an event, of which ID, Received, ContentType, RequestID and Body are used. When the
// error is nil, what it says is durable, and WeChat gets "success", unless it is PassOn.
func (p *Platform) Event(_ context.Context, push Push) (Taken, error) {
	e, err := event.Read(push.Body)
	switch {
	case err != nil:
		return PassOn, nil
	case e.AppID != "" && e.AppID != p.options.AppID:
		return PassOn, ErrForeign
	case !e.IsKept():
		return PassOn, nil
	}
	take := func() (Taken, error) { return p.keep(e, push) }
	if e.InfoType == event.Ticket {
		take = func() (Taken, error) { return p.takeTicket(e) }
	}
	taken, err := take()
	if err == nil && p.ctx.Err() != nil {
		return PassOn, token.ErrStopped // a reload has another one take its place, which may have read the store before
	}
	return taken, err
}

// keep makes an event durable, and has it acted upon.
func (p *Platform) keep(e event.Event, push Push) (taken Taken, err error) {
	if push.Received.IsZero() {
		push.Received = time.Now()
	}
	one := waiting.Event{
		Hash: event.Hash(push.Body), InfoType: e.InfoType, Created: e.Created, Code: e.Code.Reveal(), CodeEnds: e.CodeEnds,
		Received: push.Received, ID: push.ID, ContentType: push.ContentType, RequestID: push.RequestID, Body: push.Body,
	}
	var full error
	_, a, err := p.amend(e.Authorizer, func(r *token.Record) bool {
		now, q := time.Now(), p.queue(e.Authorizer, r.Events)
		taken, full = Kept, nil
		if q.Has(one.Hash, now) {
			taken = Repeated
			return false
		}
		added := one
		if e.InfoType == event.Unauthorized {
			added.Acted = endAuthorization(r, e.Created)
		}
		if full = q.Add(added); full != nil {
			return false
		}
		r.Events = q.Write(now)
		return true
	})
	if err != nil {
		return PassOn, err
	}
	if full != nil {
		return PassOn, full
	}
	a.wake(0)
	return taken, nil
}

// endAuthorization ends an authorization at this time, unless there is a later one, and
// reports whether that is settled: in the same second the list decides.
func endAuthorization(r *token.Record, at time.Time) (settled bool) {
	switch {
	case at.Equal(r.AuthorizedAt):
		return r.State == token.Unauthorized
	case at.After(r.AuthorizedAt):
		r.State, r.AuthorizedAt, r.Token = token.Unauthorized, at, token.Token{}
	}
	return true
}

// key returns what the store knows an account by.
func (p *Platform) key(appID string) token.Key {
	return token.Key{Platform: p.options.AppID, AppID: appID}
}

// queue returns the events of an account that wait. Damaged ones are lost.
func (p *Platform) queue(appID string, text secret.Secret) waiting.Queue {
	q, err := waiting.Read(text)
	if err != nil {
		p.log().Error("events lost", "account", appID, "err", err,
			"remedy", "POST /platforms/"+p.name()+"/recover finds what they said of the authorization; programs do not get them")
	}
	return q
}
