package wecomtest

import "time"

// A ticket is what pages of a corp or an application are signed with.
type ticket struct {
	value string
	until time.Time
}

// ticketLife is how long a ticket is good.
const ticketLife = 2 * time.Hour

// corpTicket answers get_jsapi_ticket: one for all applications of the corp.
func (w *WeCom) corpTicket(c *call) answer {
	if w.tooManyTickets(c) {
		return w.refuse(c, 45009)
	}
	corp := w.corps[c.app.CorpID]
	corp.ticket = w.renewed(corp.ticket)
	return w.ticket(corp.ticket)
}

// appTicket answers ticket/get: one for this application alone.
func (w *WeCom) appTicket(c *call) answer {
	kind := c.params.Get("type")
	if kind != "agent_config" && kind != "wx_card" {
		return w.refuse(c, 91040)
	}
	if w.tooManyTickets(c) {
		return w.refuse(c, 45009)
	}
	t := w.renewed(c.app.tickets[kind])
	c.app.tickets[kind] = t
	return w.ticket(t)
}

// tooManyTickets counts a ticket that is asked for: 400 an hour are for a corp and 100 for
// an application.
func (w *WeCom) tooManyTickets(c *call) bool {
	if w.rules.Unlimited {
		return false
	}
	now, corp := w.now(), "tickets "+c.app.CorpID
	return w.limits.exceeds(corp+" "+c.app.Secret, 100, time.Hour, now) || w.limits.exceeds(corp, 400, time.Hour, now)
}

// renewed returns t, or another if it has ended.
func (w *WeCom) renewed(t ticket) ticket {
	if w.now().Before(t.until) {
		return t
	}
	return ticket{value: random(64), until: w.now().Add(ticketLife)}
}

// ticket answers with t.
func (w *WeCom) ticket(t ticket) answer {
	return w.success(struct {
		outcome
		Ticket    string `json:"ticket"`
		ExpiresIn int    `json:"expires_in"`
	}{done(), t.value, w.expiresIn(t.until, ticketLife)})
}

// EndTickets ends all tickets, so that the next ones are others.
func (w *WeCom) EndTickets() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.corps {
		c.ticket = ticket{}
	}
	for _, a := range w.apps {
		clear(a.tickets)
	}
}
