package wechat

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// Ticket is a [FetchTicket]: it asks WeChat for the ticket of this type.
func (c *Client) Ticket(ctx context.Context, ticketType, value string) (token.Token, error) {
	query := url.Values{"access_token": {value}, "type": {ticketType}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/cgi-bin/ticket/getticket?"+query.Encode(), nil)
	if err != nil {
		return token.Token{}, asking.Failed(issuerName, "ticket", asking.NotSent(err), secret.New(value))
	}
	asking.Repeatable(req)
	sent := time.Now()
	body, err := c.send(req)
	if err != nil {
		return token.Token{}, asking.Failed(issuerName, "ticket", err, secret.New(value))
	}
	return asking.ReadTicket(issuerName, body, sent, secret.New(value))
}
