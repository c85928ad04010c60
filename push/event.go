package push

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"wxproxy/platform/event"
	"wxproxy/push/inbox"
	"wxproxy/push/internal/message"
)

const (
	info       = "info:" // before the InfoType of an event
	ticketType = info + event.Ticket
	maxInfo    = 256 // bytes of an InfoType, as message.Read has it
)

// isEvent reports whether a type is that of a platform's event.
func isEvent(messageType string) bool { return strings.HasPrefix(messageType, info) }

// isTicket reports whether a type is that of a platform's ticket.
func isTicket(messageType string) bool { return strings.EqualFold(messageType, ticketType) }

// readEvent has a push be the event that it is, and reports whether it is one; readable is
// whether it is well formed, which WeChat's events need not be. One that comes to the URL of
// messages, against WeChat's manual, is an event too: tickets and codes are for no program.
func (p *push) readEvent(readable bool) (isEvent bool, why refusal) {
	saysSo := readable && strings.HasPrefix(p.message.Type, info)
	if p.account.owner != nil && readable && !saysSo {
		return false, taken
	}
	e, err := event.Read(p.plain)
	if err != nil && !saysSo {
		return false, taken
	}
	if err == nil {
		p.message = message.Message{Format: message.XML, Type: info + e.InfoType}
	}
	if event.IsAppID(e.Authorizer) {
		p.about = e.Authorizer
	}
	if p.account.owner != nil {
		p.account = p.account.owner
	}
	p.isEvent = true
	return true, p.judgeEvent(&e)
}

// judgeEvent judges what an event says of itself. A ticket that the platform cannot take is
// not passed on to anybody.
func (p *push) judgeEvent(e *event.Event) refusal {
	switch {
	case e.AppID != "" && e.AppID != p.account.ID:
		return wrongAppID
	case len(p.message.Type) > maxInfo, isTicket(p.message.Type) && !e.IsKept():
		return unreadable
	}
	return taken
}

// take does with a push what is to be done: a platform's events are for the platform first,
// and so are messages of WeChat's check before it is published.
func (r *Receiver) take(ctx context.Context, p *push) (o result, outcome string) {
	if p.isEvent {
		return r.takeEvent(ctx, p)
	}
	if owner := p.account.owner; owner != nil && owner.events != nil {
		reply, isCheck := owner.events.Check(p.account.authorizer, p.plain)
		switch {
		case isCheck && len(reply) == 0:
			return result{Status: http.StatusOK}, empty
		case isCheck:
			return result{Status: http.StatusOK, Reply: reply}, answered
		}
	}
	return r.forward(ctx, p)
}

// errNoEvents says that nobody takes the events of a platform.
var errNoEvents = errors.New("nobody takes the events of this platform yet")

// takeEvent gives an event to its platform. Only what is durable there, or is none of its
// business and was forwarded, is a success.
func (r *Receiver) takeEvent(ctx context.Context, p *push) (o result, outcome string) {
	ctx = context.WithoutCancel(ctx) // its repetition gets the answer
	become, err := event.PassOn, errNoEvents
	if p.account.events != nil {
		become, err = p.account.events.Event(ctx, event.Push{
			ID: p.id, AppID: p.about, Type: p.message.Type, Received: p.received, ContentType: p.contentType, RequestID: p.requestID, Body: p.plain,
		})
	}
	switch {
	case errors.Is(err, event.ErrForeign):
		return result{Status: http.StatusForbidden}, refused
	case err != nil:
		r.counts.fail(p.account.group(), err.Error())
		r.lines.unstored(p.account.group(), err)
		return result{Status: http.StatusBadGateway}, failed
	}
	switch become {
	case event.Kept:
		return result{Status: http.StatusOK}, async
	case event.NewTicket:
		r.announce(ctx, p)
		return result{Status: http.StatusOK}, empty
	case event.Repeated:
		return result{Status: http.StatusOK}, repeated
	}
	return r.forward(ctx, p)
}

// announce has programs that ask for a platform's tickets get a placeholder in the place of
// one. It waits in the inbox, and one that cannot is lost: the next ticket comes soon.
func (r *Receiver) announce(ctx context.Context, p *push) {
	ctx, cancel := context.WithTimeout(ctx, time.Second) // by then WeChat is to be answered
	defer cancel()
	first, all := p.account.choose(p.message.Type)
	if first != nil {
		all = append(all, first)
	}
	placeholder := *p
	if placeholder.plain = event.WithPlaceholder(p.plain); placeholder.plain != nil {
		r.copy(ctx, &placeholder, all)
	}
}

// ForwardEvent has programs get an event that a platform has kept: the first forward that
// matches and the copies, from the inbox. It returns nil when that is durable, or when no
// program gets it.
func (r *Receiver) ForwardEvent(ctx context.Context, platform string, e event.Push) error {
	a := r.now.Load().accounts[platform]
	if a == nil || !a.isPlatform {
		return errNoAccount
	}
	p := &push{
		account: a, id: e.ID, requestID: e.RequestID, contentType: e.ContentType, received: e.Received, plain: e.Body,
		message: message.Message{Type: e.Type}, isEvent: true, about: e.AppID,
	}
	first, copies := a.choose(e.Type)
	if first != nil {
		if err := r.keep(ctx, p, first); err != nil {
			r.counts.fail(a.group(), err.Error())
			r.lines.delayed(a.group(), first, err)
			return err
		}
	}
	r.copy(ctx, p, copies)
	return nil
}

// eventsOf ends the name that events wait under which are about an account. No app id has it.
const eventsOf = ":events"

// waitsAs returns the account that a push waits under in the inbox. Events are in order for
// each account that they are about.
func (p *push) waitsAs() string {
	if p.isEvent && p.about != "" {
		return p.account.Name + "/" + p.about + eventsOf
	}
	return p.account.key()
}

// ofWaiting returns the account of a push in the inbox; nil if it is configured no more.
func (c *configuration) ofWaiting(p *inbox.Push) *account {
	if about, isEvent := strings.CutSuffix(p.Account, eventsOf); isEvent {
		platform, _, _ := strings.Cut(about, "/")
		return c.accounts[platform]
	}
	return c.find(p.Account, false)
}
