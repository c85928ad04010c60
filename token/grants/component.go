// Package grants fetches the tokens of third-party platforms and of the accounts that
// authorized them, with what WeChat hands out besides and would not hand out again.
package grants

import (
	"context"
	"errors"
	"sync"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

// A Component fetches the token of a platform. Its fields must be set and not be changed
// once it is in use.
type Component struct {
	Ticket func() secret.Secret                                                 // the component_verify_ticket that counts now; empty: there is none
	Ask    func(ctx context.Context, ticket secret.Secret) (token.Token, error) // as [wechat.Component.Token]

	mu     sync.Mutex // guards what follows
	lacked bool       // the last fetch ended for want of a ticket
	bad    secret.Secret
	why    error // what WeChat refused bad with
}

// Fetch is a [token.Fetch]. A ticket that WeChat has refused is not shown to it again: the
// error is token.ErrNoTicket then, as it is without a ticket.
func (c *Component) Fetch(ctx context.Context) (token.Token, error) {
	ticket := c.Ticket()
	if err := c.lacks(ticket); err != nil {
		return token.Token{}, err
	}
	t, err := c.Ask(ctx, ticket)
	if !wechat.RefusesTicket(err) {
		return t, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lacked, c.bad, c.why = true, ticket, err
	return token.Token{}, &noTicket{err}
}

// lacks returns why WeChat cannot be asked with a ticket; nil: it can.
func (c *Component) lacks(ticket secret.Secret) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case ticket.Empty():
		c.lacked = true
		return &noTicket{token.ErrNotAsked}
	case c.bad.Equal(ticket.Reveal()):
		c.lacked = true
		return &noTicket{errors.Join(c.why, token.ErrNotAsked)}
	}
	c.lacked = false
	return nil
}

// Refusal returns what WeChat refused this ticket with; nil if it did not.
func (c *Component) Refusal(ticket secret.Secret) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bad.Equal(ticket.Reveal()) {
		return c.why
	}
	return nil
}

// Renewed reports whether there is a ticket that may be good where the last fetch lacked one.
func (c *Component) Renewed() bool {
	ticket := c.Ticket()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lacked && !ticket.Empty() && !c.bad.Equal(ticket.Reveal())
}

// A noTicket is the end of a fetch for want of a ticket, or of one that WeChat takes.
type noTicket struct{ cause error }

// Error implements error.
func (n *noTicket) Error() string {
	if refusal, ok := errors.AsType[*token.Refusal](n.cause); ok {
		return token.ErrNoTicket.Error() + ": " + refusal.Error()
	}
	return token.ErrNoTicket.Error()
}

// Unwrap returns that there is no ticket, and why.
func (n *noTicket) Unwrap() []error { return []error{token.ErrNoTicket, n.cause} }
