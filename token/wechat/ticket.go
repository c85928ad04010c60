package wechat

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// Ticket is a [FetchTicket]: it asks WeChat for the ticket of this type.
func (c *Client) Ticket(ctx context.Context, ticketType, value string) (token.Token, error) {
	query := url.Values{"access_token": {value}, "type": {ticketType}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/cgi-bin/ticket/getticket?"+query.Encode(), nil)
	if err != nil {
		return token.Token{}, newTransportError("ticket", &unsentError{err}, secret.New(value))
	}
	repeatable(req)
	sent := time.Now()
	body, err := c.send(req)
	if err != nil {
		return token.Token{}, newTransportError("ticket", err, secret.New(value))
	}
	ticket, err := readAnswer(body, sent, secret.New(value))
	if bad, ok := errors.AsType[badAnswer](err); ok && bad == noToken {
		err = noTicket
	}
	if refusal, ok := errors.AsType[*token.Refusal](err); ok {
		refusal.Ticket = true
	}
	return ticket, err
}
