package token

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer is far more than WeChat needs to answer with a token.
const maxAnswer = 64 << 10

// An API is one of WeChat's two ways to hand out access tokens.
type API string

// The token APIs. Their tokens are independent of each other.
const (
	Stable  API = "stable"  // POST /cgi-bin/stable_token, repeats the current token until it is about to expire
	Classic API = "classic" // GET /cgi-bin/token, makes the token before it worthless
)

// A Client asks WeChat for the access token of one account. Its fields must be
// set and not be changed once it is in use.
type Client struct {
	HTTP   *http.Client           // redirects are not followed, whatever it says
	URL    string                 // scheme and host of WeChat
	AppID  string                 // of the account
	Secret func() (Secret, error) // the account's AppSecret, read for every fetch
	API    API                    // Stable or Classic
}

// Fetch asks WeChat for the current token; Classic makes a new one by that. The
// error is a [*Refusal] if WeChat declined. It never holds the secret.
func (c *Client) Fetch(ctx context.Context) (Token, error) {
	secret, err := c.Secret()
	if err != nil {
		return Token{}, &secretError{err}
	}
	req, err := c.request(ctx, secret)
	if err != nil {
		return Token{}, newTransportError(err, secret)
	}
	sent := time.Now()
	body, err := c.send(req)
	if err != nil {
		return Token{}, newTransportError(err, secret)
	}
	return readAnswer(body, sent, secret)
}

// request returns the question that c's API expects.
func (c *Client) request(ctx context.Context, secret Secret) (*http.Request, error) {
	const grant = "client_credential"
	if c.API == Classic {
		query := url.Values{"grant_type": {grant}, "appid": {c.AppID}, "secret": {secret.Reveal()}}
		return http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/cgi-bin/token?"+query.Encode(), nil)
	}
	body, err := json.Marshal(map[string]any{
		"grant_type": grant, "appid": c.AppID, "secret": secret.Reveal(), "force_refresh": false,
	})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/cgi-bin/stable_token", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	return req, nil
}

// send returns the body that answers req. A redirect is an answer like any
// other: the secret goes where the configuration says, and nowhere else.
func (c *Client) send(req *http.Request) ([]byte, error) {
	once := *c.HTTP
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := once.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode != http.StatusOK {
		return nil, badAnswer(fmt.Sprintf("WeChat's answer is HTTP status %d", resp.StatusCode))
	}
	return body, err
}

// A transportError is a question that got no answer of WeChat's. It shows what
// net/http says about that, without the URL and the secret.
type transportError struct {
	text  string
	cause error
}

func newTransportError(err error, secret Secret) error {
	if withURL, ok := errors.AsType[*url.Error](err); ok {
		err = withURL.Err // the URL holds the secret
	}
	text := clean(err.Error(), secret)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		text = "the answer did not come in time" // net/http says which of its settings was the shortest
	}
	return &transportError{text: text, cause: err}
}

// Error implements error.
func (t *transportError) Error() string { return "asking WeChat for a token: " + t.text }

// Unwrap returns the cause, to be examined but not printed.
func (t *transportError) Unwrap() error { return t.cause }

// A secretError is an AppSecret that cannot be read.
type secretError struct{ cause error }

// Error implements error.
func (s *secretError) Error() string { return "reading the secret: " + clean(s.cause.Error()) }

// Unwrap returns the cause.
func (s *secretError) Unwrap() error { return s.cause }
