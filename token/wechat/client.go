// Package wechat asks WeChat for access tokens and tickets, and knows what its answers
// mean: the wire format, the errcodes, and what to do about each.
package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// issuerName is what messages call the side that is asked.
const issuerName = "WeChat"

// An API is one of WeChat's two ways to hand out access tokens.
type API string

// The token APIs. Their tokens are independent of each other.
const (
	Stable  API = "stable"  // POST /cgi-bin/stable_token, repeats the current token until it is about to expire
	Classic API = "classic" // GET /cgi-bin/token, makes the token before it worthless
)

// Kind returns how the tokens of a behave.
func (a API) Kind() token.Kind {
	if a == Classic {
		return token.Rotating{}
	}
	return token.Repeating{}
}

// A Client asks WeChat for the access token of one account. Its fields must be
// set and not be changed once it is in use.
type Client struct {
	HTTP   *http.Client                  // redirects are not followed, whatever it says
	URL    string                        // scheme and host of WeChat
	AppID  string                        // of the account
	Secret func() (secret.Secret, error) // the account's AppSecret, read for every fetch
	API    API                           // Stable or Classic

	sent atomic.Pointer[secret.Secret] // the AppSecret of the last fetch; nil if there was none
}

// Fetch asks WeChat for the current token; Classic makes a new one by that. The
// error is a [*Refusal] if WeChat declined. It never holds the secret.
func (c *Client) Fetch(ctx context.Context) (token.Token, error) { return c.fetch(ctx, false) }

// Force has WeChat make a new stable token and kill the one before. WeChat does
// so 20 times a day, 30 s apart, and otherwise repeats the token in silence.
func (c *Client) Force(ctx context.Context) (token.Token, error) { return c.fetch(ctx, true) }

// SecretChanged reports whether the AppSecret is another one than the last fetch
// sent.
func (c *Client) SecretChanged() bool {
	appSecret, err := c.Secret()
	sent := c.sent.Load()
	return err == nil && (sent == nil || !sent.Equal(appSecret.Reveal()))
}

func (c *Client) fetch(ctx context.Context, force bool) (token.Token, error) {
	appSecret, err := c.Secret()
	if err != nil {
		c.sent.Store(nil)
		return token.Token{}, asking.Unread(err)
	}
	c.sent.Store(&appSecret)
	req, err := c.request(ctx, appSecret, force)
	if err != nil {
		return token.Token{}, asking.Failed(issuerName, "token", asking.NotSent(err), appSecret)
	}
	sent := time.Now()
	body, err := c.send(req)
	if err != nil {
		return token.Token{}, asking.Failed(issuerName, "token", err, appSecret)
	}
	return asking.Read(issuerName, body, sent, appSecret)
}

// request returns the question that c's API expects.
func (c *Client) request(ctx context.Context, appSecret secret.Secret, force bool) (*http.Request, error) {
	const grant = "client_credential"
	if c.API == Classic {
		query := url.Values{"grant_type": {grant}, "appid": {c.AppID}, "secret": {appSecret.Reveal()}}
		return http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/cgi-bin/token?"+query.Encode(), nil)
	}
	body, err := json.Marshal(map[string]any{
		"grant_type": grant, "appid": c.AppID, "secret": appSecret.Reveal(), "force_refresh": force,
	})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/cgi-bin/stable_token", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if !force {
		asking.Repeatable(req)
	}
	return req, nil
}

// send returns the body that answers req.
func (c *Client) send(req *http.Request) ([]byte, error) {
	return asking.Send(issuerName, c.HTTP, req, asking.MaxAnswer)
}

// Unread returns err, for which an AppSecret cannot be read, as the error of a fetch that
// needs it.
func Unread(err error) error { return asking.Unread(err) }
