package platform

import (
	"errors"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/platform/event"
	"wxproxy/token"
)

const (
	// ticketLife is how long WeChat takes a ticket.
	ticketLife = 12 * time.Hour

	// ticketsLate is how long after a ticket WeChat is asked to send some: they come every
	// ten minutes.
	ticketsLate = 25 * time.Minute

	// requestPause is between two such requests, of all replicas.
	requestPause = 10 * time.Minute

	// ticketExpired is WeChat's errcode for a ticket that is too old.
	ticketExpired = 61005
)

// A ticket is a component_verify_ticket.
type ticket struct {
	value            secret.Secret
	created, arrived time.Time
}

// ticketOf returns the ticket in a record; nil if there is none.
func ticketOf(r *token.Record) *ticket {
	if r.Ticket.Empty() {
		return nil
	}
	return &ticket{r.Ticket, r.TicketCreated, r.TicketArrived}
}

// ends returns when WeChat takes the ticket no more. Its life begins when it arrives,
// if the clocks differ or it was late.
func (t *ticket) ends() time.Time {
	if t.created.After(t.arrived) {
		return t.created.Add(ticketLife)
	}
	return t.arrived.Add(ticketLife)
}

// currentTicket returns the ticket that counts now; empty if there is none.
func (p *Platform) currentTicket() secret.Secret {
	t := p.ticket.Load()
	if t == nil || !time.Now().Before(t.ends()) {
		return secret.Secret{}
	}
	return t.value
}

// ownTokens are the component's tokens. Where there is no ticket to ask for one, the store
// may have one that another replica has just taken.
type ownTokens Platform

// Token implements [wechat.Tokens].
func (o *ownTokens) Token(wait time.Duration) (string, error) {
	p := (*Platform)(o)
	if p.options.Shared != nil && p.currentTicket().Empty() {
		if r, err := p.options.Store.Load(p.own); err == nil {
			p.learnOwn(&r)
		}
	}
	value, err := p.component.Token(wait)
	p.failures.noteToken(err)
	return value, err
}

// Replace implements [wechat.Tokens].
func (o *ownTokens) Replace(refused string, wait time.Duration) (string, error) {
	return o.component.Replace(refused, wait)
}

// takeTicket makes a ticket durable, if it is the newest.
func (p *Platform) takeTicket(e event.Event) (taken Taken, err error) {
	now := time.Now().Truncate(time.Second)
	r, err := p.options.Store.Amend(p.own, func(r *token.Record) bool {
		taken = Repeated
		if e.Created.Before(r.TicketCreated) || e.Created.Equal(r.TicketCreated) && r.Ticket.Equal(e.Ticket.Reveal()) {
			return false
		}
		taken = NewTicket
		r.Ticket, r.TicketCreated, r.TicketArrived = e.Ticket, e.Created, now
		return true
	})
	if err != nil {
		return PassOn, err
	}
	p.learnOwn(&r)
	return taken, nil
}

// learnOwn notes what the component's record has. What waits for a ticket goes on.
func (p *Platform) learnOwn(r *token.Record) {
	next := ticketOf(r)
	p.listings.learn(r.ListedAt)
	if next == nil {
		return // the store has lost it, if there was one
	}
	before := p.ticket.Swap(next)
	if before != nil && before.value.Equal(next.value.Reveal()) {
		return
	}
	p.unfed.Store(nil)
	if before == nil {
		p.log().Info("there is a component_verify_ticket")
	}
	p.background(func() {
		p.listings.freshTicket()
		if p.fetch.Renewed() {
			p.component.Retry()
		}
		p.wakeAll()
	})
}

// restoreTicket has the store get the ticket again that it has lost.
func (p *Platform) restoreTicket() error {
	t := p.ticket.Load()
	if t == nil || p.currentTicket().Empty() {
		return nil
	}
	_, err := p.options.Store.Amend(p.own, func(r *token.Record) bool {
		if !r.Ticket.Empty() {
			return false
		}
		r.Ticket, r.TicketCreated, r.TicketArrived = t.value, t.created, t.arrived
		return true
	})
	return err
}

// watchTickets asks WeChat for tickets if none came for too long.
func (p *Platform) watchTickets() {
	if t := p.ticket.Load(); t == nil || time.Since(t.arrived) >= ticketsLate || p.currentTicket().Empty() {
		p.requestTickets()
	}
}

// requestTickets asks WeChat to send tickets, unless a replica has done so within the last
// ten minutes.
func (p *Platform) requestTickets() {
	mine := false
	_, err := p.options.Store.Amend(p.own, func(r *token.Record) bool {
		now := time.Now().Truncate(time.Second)
		since := now.Sub(r.PushAskedAt)
		if mine = since < 0 || since >= requestPause; mine {
			r.PushAskedAt = now
		}
		return mine
	})
	if err != nil || !mine {
		return // without the store it is not known what others do, and a ticket could not be stored
	}
	err = p.wechat.StartTicketPush(p.ctx)
	if err == nil || errors.Is(err, p.ctx.Err()) {
		p.unfed.Store(nil)
		e := p.issuer.Explain(token.ErrNoTicket)
		p.log().Warn("no fresh component_verify_ticket is there: WeChat was asked to send some", "remedy", e.Remedy, "remedy_zh", e.RemedyZH)
		return
	}
	p.unfed.Store(&err)
	e := p.issuer.Explain(err)
	p.log().Error("WeChat does not send a component_verify_ticket", "errcode", e.Code, "errmsg", e.Reason, "remedy", e.Remedy, "remedy_zh", e.RemedyZH)
}

// lacksTicket explains why there is no usable ticket.
func (p *Platform) lacksTicket() token.Explanation {
	why := p.unfed.Load()
	if why == nil {
		return p.issuer.Explain(token.ErrNoTicket)
	}
	e := p.issuer.Explain(*why)
	e.Reason = token.ErrNoTicket.Error() + ", and WeChat, asked by api_start_push_ticket, does not send one: " + e.Reason
	return e
}
