package wechat

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// members are those of a question's body.
type members map[string]any

// A question is one call of a platform's API.
type question struct {
	api     string
	members members
	secrets []secret.Secret // in members
	once    bool            // it has an effect, so that net/http is not to repeat it
}

// call asks with the component's token, and with another one if WeChat refuses that. Sent is
// when the answered question was sent.
func (c *Component) call(ctx context.Context, q question) (a *componentAnswer, sent time.Time, err error) {
	value, err := c.Tokens.Token(patience(ctx))
	if err != nil {
		return nil, sent, err
	}
	body := members{"component_appid": c.AppID}
	for name, member := range q.members {
		body[name] = member
	}
	q.members = body
	sent = time.Now()
	a, err = c.askWith(ctx, q, value)
	refusal, refused := errors.AsType[*token.Refusal](err)
	if !refused || ofComponentToken(refusal.Code) != token.Dead {
		return a, sent, err
	}
	other, err := c.Tokens.Replace(value, patience(ctx))
	switch {
	case err != nil:
		return nil, sent, err
	case other == value: // WeChat stands by it
		return nil, sent, refusal
	}
	sent = time.Now()
	a, err = c.askWith(ctx, q, other)
	return a, sent, err
}

// patience returns how long to wait for a token in ctx.
func patience(ctx context.Context) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		return min(tokenPatience, time.Until(end))
	}
	return tokenPatience
}

// askWith asks with a token.
func (c *Component) askWith(ctx context.Context, q question, value string) (*componentAnswer, error) {
	q.secrets = append([]secret.Secret{secret.New(value)}, q.secrets...)
	return c.askAt(ctx, q, "?access_token="+url.QueryEscape(value))
}

// ask asks without a token.
func (c *Component) ask(ctx context.Context, q question) (*componentAnswer, error) {
	return c.askAt(ctx, q, "")
}

func (c *Component) askAt(ctx context.Context, q question, query string) (*componentAnswer, error) {
	var body bytes.Buffer
	writer := json.NewEncoder(&body)
	writer.SetEscapeHTML(false)
	err := writer.Encode(q.members)
	var req *http.Request
	if err == nil {
		req, err = http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/cgi-bin/component/"+q.api+query, bytes.NewReader(bytes.TrimSpace(body.Bytes())))
	}
	if err != nil {
		return nil, asking.Failed(issuerName, q.api, asking.NotSent(err), q.secrets...)
	}
	req.Header.Set("Content-Type", "application/json")
	if !q.once {
		asking.Repeatable(req)
	}
	answered, err := asking.Send(issuerName, c.HTTP, req, maxComponentAnswer)
	if err != nil {
		return nil, asking.Failed(issuerName, q.api, err, q.secrets...)
	}
	a, err := readComponentAnswer(answered, q)
	if refusal, isRefused := errors.AsType[*token.Refusal](err); isRefused {
		if appSecret, unread := c.Secret(); unread == nil { // should WeChat quote that in the answer to another question
			refusal.Reason = secret.Quote(refusal.Reason, appSecret)
		}
	}
	return a, err
}

// A componentAnswer is the body of the answers to all calls, in success and refusal.
type componentAnswer struct {
	Errcode asking.Number `json:"errcode"`
	Errmsg  string        `json:"errmsg"`

	ComponentToken string `json:"component_access_token"`
	PreAuthCode    string `json:"pre_auth_code"`
	authorization
	Info  *authorization `json:"authorization_info"` // which api_query_auth sometimes leaves out around what is in it
	Total *asking.Number `json:"total_count"`
	List  []listed       `json:"list"`
}

// An authorization is what an account has granted.
type authorization struct {
	AppID     string        `json:"authorizer_appid"`
	Token     string        `json:"authorizer_access_token"`
	Refresh   string        `json:"authorizer_refresh_token"`
	ExpiresIn asking.Number `json:"expires_in"`

	Permissions permissions `json:"func_info"`
}

// A listed account is one of api_get_authorizer_list's.
type listed struct {
	AppID   string        `json:"authorizer_appid"`
	Refresh string        `json:"refresh_token"`
	AuthAt  asking.Number `json:"auth_time"`
}

// grant returns what a is, which was asked for at sent.
func (a *authorization) grant(sent time.Time) (token.Grant, error) {
	t, err := tokenOf(a.Token, a.ExpiresIn, sent)
	if err != nil {
		return token.Grant{}, err
	}
	refresh, err := credential(a.Refresh)
	return token.Grant{AppID: a.AppID, Token: t, Refresh: refresh, Permissions: string(a.Permissions)}, err
}

// readComponentAnswer returns what body answers to q, or the [*token.Refusal] that it is.
func readComponentAnswer(body []byte, q question) (*componentAnswer, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, asking.Bad("WeChat's answer is empty")
	}
	a := new(componentAnswer)
	if err := json.Unmarshal(asking.WithoutControls(body), a); err != nil {
		return nil, asking.Bad("WeChat's answer is not the JSON it documents") // err may quote a token
	}
	if code := int(a.Errcode); code != 0 {
		return nil, &token.Refusal{API: q.api, Code: code, Reason: cmp.Or(secret.Quote(a.Errmsg, q.secrets...), "no errmsg")}
	}
	return a, nil
}

// tokenOf returns the token of this value.
func tokenOf(value string, expiresIn asking.Number, sent time.Time) (token.Token, error) {
	t, err := credential(value)
	if err != nil || t.Empty() {
		return token.Token{}, asking.NoToken(issuerName)
	}
	return token.Token{Value: t, Expires: sent.Add((&asking.Answer{ExpiresIn: expiresIn}).Life())}, nil
}

// credential returns one that WeChat has answered, if it can be one.
func credential(value string) (secret.Secret, error) {
	const longest = 4096 // WeChat documents 512
	if strings.ContainsFunc(value, secret.Invisible) || len(value) > longest {
		return secret.Secret{}, asking.Bad("WeChat's answer has a credential with characters that none has")
	}
	return secret.New(value), nil
}
