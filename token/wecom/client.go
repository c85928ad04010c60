// Package wecom asks WeCom for the access tokens and tickets of a corp's applications, and
// knows what its answers mean: the wire format, the errcodes, and what to do about each.
// Wrong secrets are shown seldom, since WeCom counts them against the whole IP address.
package wecom

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// issuerName is what messages call the side that is asked.
const issuerName = "WeCom"

// A Client asks WeCom for the access token of one application. Its fields must be set and
// not be changed once it is in use.
type Client struct {
	HTTP   *http.Client                  // redirects are not followed, whatever it says
	URL    string                        // scheme and host of WeCom
	CorpID string                        // of the application
	Key    token.Key                     // what the application is stored by
	Secret func() (secret.Secret, error) // the application's secret, read for every fetch
	Guard  *Guard                        // of all applications of the process; nil: wrong secrets are not counted

	considered atomic.Pointer[secret.Secret] // the secret of the last fetch, be it shown or not; nil if there was none
}

// Fetch asks WeCom for the current token, which it repeats. The error is a [*token.Paused]
// if nothing else than another secret or time helps, and else a [*token.Refusal] if WeCom
// declined. It never holds the secret.
func (c *Client) Fetch(ctx context.Context) (token.Token, error) {
	corpSecret, err := c.Secret()
	if err != nil {
		c.considered.Store(nil)
		return token.Token{}, asking.Unread(err)
	}
	c.considered.Store(&corpSecret)
	if c.Guard == nil {
		return c.ask(ctx, corpSecret)
	}
	turn, err := c.Guard.begin(ctx, c.Key, hashOf(c.CorpID, corpSecret))
	if err != nil {
		return token.Token{}, err
	}
	defer turn.leave()
	t, err := c.ask(ctx, corpSecret)
	return t, turn.end(ctx, err)
}

// SecretChanged reports whether the secret is another one than the last fetch had.
func (c *Client) SecretChanged() bool {
	corpSecret, err := c.Secret()
	considered := c.considered.Load()
	return err == nil && (considered == nil || !considered.Equal(corpSecret.Reveal()))
}

func (c *Client) ask(ctx context.Context, corpSecret secret.Secret) (token.Token, error) {
	query := url.Values{"corpid": {c.CorpID}, "corpsecret": {corpSecret.Reveal()}}
	req, err := c.request(ctx, "/cgi-bin/gettoken", query)
	if err != nil {
		return token.Token{}, asking.Failed(issuerName, "token", asking.NotSent(err), corpSecret)
	}
	sent := time.Now()
	body, err := asking.Send(issuerName, c.HTTP, req, asking.MaxAnswer)
	if err != nil {
		return token.Token{}, asking.Failed(issuerName, "token", err, corpSecret)
	}
	t, err := asking.Read(issuerName, body, sent, corpSecret)
	return t, named(err)
}

// request returns a question that has no effect which asking twice would repeat.
func (c *Client) request(ctx context.Context, path string, query url.Values) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	asking.Repeatable(req)
	return req, nil
}

// named returns err, of which a refusal says that it is WeCom's.
func named(err error) error {
	if refusal, ok := errors.AsType[*token.Refusal](err); ok {
		refusal.By = issuerName
	}
	return err
}

// pageTicket is the type of the ticket that signs pages for wx.config, which all
// applications of a corp have in common.
const pageTicket = "jsapi"

// Ticket is a [token.FetchTicket]: it asks WeCom for the corp's ticket, of type "jsapi", or
// for one of the application's, as "agent_config".
func (c *Client) Ticket(ctx context.Context, ticketType, value string) (token.Token, error) {
	path, query := "/cgi-bin/get_jsapi_ticket", url.Values{"access_token": {value}}
	if ticketType != pageTicket {
		path = "/cgi-bin/ticket/get"
		query.Set("type", ticketType)
	}
	req, err := c.request(ctx, path, query)
	if err != nil {
		return token.Token{}, asking.Failed(issuerName, "ticket", asking.NotSent(err), secret.New(value))
	}
	sent := time.Now()
	body, err := asking.Send(issuerName, c.HTTP, req, asking.MaxAnswer)
	if err != nil {
		return token.Token{}, asking.Failed(issuerName, "ticket", err, secret.New(value))
	}
	ticket, err := asking.ReadTicket(issuerName, body, sent, secret.New(value))
	return ticket, named(err)
}

// Probe calls an API that every application may use and that changes nothing. It says
// whether WeCom honours t.
func (c *Client) Probe(ctx context.Context, t secret.Secret) token.Verdict {
	errcode, _, err := c.call(ctx, "/cgi-bin/get_api_domain_ip", url.Values{"access_token": {t.Reveal()}}, t)
	if err != nil {
		return token.Unclear
	}
	return ofToken(errcode)
}

// Try calls an API with a token, as programs do, and returns WeCom's refusal if there is
// one: fetching a token proves nothing of the list of trusted addresses. Without an
// agent_id the API is one that may be open to all.
func (c *Client) Try(ctx context.Context, t secret.Secret, agentID string) error {
	path, query := "/cgi-bin/get_api_domain_ip", url.Values{"access_token": {t.Reveal()}}
	if agentID != "" {
		path = "/cgi-bin/agent/get"
		query.Set("agentid", agentID)
	}
	errcode, errmsg, err := c.call(ctx, path, query, t)
	if err == nil && errcode != 0 {
		return &token.Refusal{Code: errcode, Reason: secret.Quote(errmsg, t), API: path, By: issuerName}
	}
	return err
}

// call returns the errcode that an API answers.
func (c *Client) call(ctx context.Context, path string, query url.Values, t secret.Secret) (errcode int, errmsg string, err error) {
	req, err := c.request(ctx, path, query)
	if err != nil {
		return 0, "", asking.Failed(issuerName, "call", asking.NotSent(err), t)
	}
	body, err := asking.Send(issuerName, c.HTTP, req, asking.MaxAnswer)
	if err != nil {
		return 0, "", asking.Failed(issuerName, "call", err, t)
	}
	var a asking.Answer
	if json.Unmarshal(asking.WithoutControls(body), &a) != nil {
		return 0, "", asking.Bad(issuerName + "'s answer is not the JSON it documents")
	}
	return int(a.Errcode), a.Errmsg, nil
}
