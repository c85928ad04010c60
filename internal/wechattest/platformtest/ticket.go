package platformtest

import (
	"context"
	"time"

	"wxproxy/internal/wechattest"
)

// Run pushes a ticket now and then each period, until ctx ends.
func (p *Platform) Run(ctx context.Context) {
	for {
		if !p.isStopped() {
			p.PushTicket(ctx)
		}
		timer := time.NewTimer(p.Settings().TicketEvery)
		select {
		case <-timer.C:
		case <-p.start:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

func (p *Platform) isStopped() bool {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	return p.stopped
}

// PushTicket makes a ticket and pushes it.
func (p *Platform) PushTicket(ctx context.Context) wechattest.Delivery {
	return p.Push(ctx, p.NewTicket())
}

// NewTicket makes a ticket. It is not pushed.
func (p *Platform) NewTicket() Event {
	now := p.wechat.Now()
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	ticket := "ticket@@@" + random(3)
	p.tickets[ticket], p.ticket = now, ticket
	p.counts.Tickets++
	return p.event("component_verify_ticket", "", now, []field{{"ComponentVerifyTicket", ticket}})
}

// StopTickets has Run push no tickets until api_start_push_ticket is called.
func (p *Platform) StopTickets() {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.stopped = true
}

// startPushTicket answers api_start_push_ticket.
func (p *Platform) startPushTicket(c *call) wechattest.Result {
	p.counts.Starts++
	if errcode := p.secretProblem(c, c.body.StartSecret); errcode != 0 {
		return refused(p.settings.AppID, errcode)
	}
	if !p.stopped {
		return p.answered(outcome{0, "in a normal state"})
	}
	p.stopped = false
	select {
	case p.start <- struct{}{}:
	default: // Run knows already
	}
	return p.answered(done())
}
