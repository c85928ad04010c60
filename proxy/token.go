package proxy

import (
	"encoding/json"
	"io"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/audit"
	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/virtual"
)

// A TokenEndpoint says what callers get that ask the proxy for a token, in the words of
// the configuration.
type TokenEndpoint string

// What /cgi-bin/token and /cgi-bin/stable_token answer.
const (
	TokenVirtual TokenEndpoint = "virtual" // a token that is good at this proxy only
	TokenReal    TokenEndpoint = "real"    // WeChat's own
	TokenDeny    TokenEndpoint = "deny"    // 403
)

// expectTokenRequest leaves it to the body to say who asks for a token, and refuses the
// request if no caller gets one.
func (p *Proxy) expectTokenRequest(x *exchange) error {
	if p.config.TokenEndpoint == TokenDeny {
		return refuse(noCredential, "tokens stay in the proxy (token_endpoint is \"deny\"); call WeChat's APIs without access_token, it is added here")
	}
	x.expectSmallBody()
	return nil
}

// answerToken answers a request for a token in WeChat's format and with its errcodes,
// which SDKs know.
func (p *Proxy) answerToken(x *exchange) error {
	if err := x.client.quota.Enter(); err != nil {
		return err
	}
	defer x.client.quota.Leave()
	token, life, err := p.issue(x)
	if err != nil {
		return err
	}
	body, err := json.Marshal(struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}{token, wholeSeconds(life)})
	if err != nil {
		return err
	}
	x.answerJSON(body)
	return nil
}

// admitTokenRequest decides who asks for a token, for which account, and whether the
// caller may have it.
func (p *Proxy) admitTokenRequest(x *exchange) error {
	ask, err := x.readTokenRequest()
	if err != nil {
		return err
	}
	appID := ask.appID.text
	account := p.accounts[appID]
	if account == nil || account.AppID != appID || account.kind != x.kind {
		return refuseAsWeChat(x.kind.Table.TokenRequest.BadAppID, "invalid appid (wxproxy: no account has it)")
	}
	if p.namesAnother(x, account) {
		return refuseAsWeChat(x.kind.Table.TokenRequest.BadAppID, "invalid appid (wxproxy: the path prefix, Wxproxy-Account or from_appid names another account; leave one of them out)")
	}
	x.account, x.client = account, &p.anyone
	if len(p.clients.byName) > 0 {
		if x.client, err = p.clientOfSecret(x, &ask.secret); err != nil {
			return err
		}
	}
	return p.permit(x)
}

// clientOfSecret returns the client whose key is in the place of the AppSecret. A client
// that proves itself by Authorization or by its certificate may leave that out.
func (p *Proxy) clientOfSecret(x *exchange, secret *givenValue) (*Client, error) {
	if secret.text == "" {
		if c, err := p.client(x); err == nil {
			return c, nil
		}
		return nil, refuseAsWeChat(x.kind.Table.TokenRequest.NoSecret, "appsecret missing (wxproxy: secret is this program's client key"+p.strayCertificate(x)+")")
	}
	c, known := p.clients.withKey([]byte(secret.text), &x.key)
	if !known || secret.conflicts || !p.doesNotContradict(x, c) {
		return nil, refuseAsWeChat(x.kind.Table.TokenRequest.BadSecret, "invalid appsecret (wxproxy: secret must be this program's client key)")
	}
	return c, nil
}

// issue returns a token for the client and how long it lives.
func (p *Proxy) issue(x *exchange) (string, time.Duration, error) {
	if p.config.TokenEndpoint == TokenReal {
		began := x.span.now()
		token, life, err := x.account.Lend(p.config.TokenWait)
		x.span.addTokenWait(began)
		p.noteAsked(x, err)
		return token, life, err
	}
	return virtual.New(x.account.id, x.client.id, time.Now().Add(virtual.Life), p.signingKey(x)), virtual.Life, nil
}

// signingKey returns the key for a virtual token of the client: that of the client's own
// key which was shown, so that replicas honour the token whether they know the client's
// next key already or not.
func (p *Proxy) signingKey(x *exchange) *virtual.Key {
	c := x.client
	switch {
	case c == &p.anyone || c.isKeyless():
		return &x.account.signing[0]
	case len(c.signing) > 1 && x.key.sum == c.OldSHA256:
		return &c.signing[1]
	}
	return &c.signing[0]
}

// noteAsked has the log say who asked for WeChat's own token.
func (p *Proxy) noteAsked(x *exchange, err error) {
	if p.config.Audit == nil {
		return
	}
	account, client := names(x.account, x.client)
	e := audit.Entry{Action: audit.RealToken, Client: client, Account: account, Address: p.addressOf(x), Outcome: audit.Done, Listener: audit.Proxy}
	if err != nil {
		e.Outcome = audit.Failed
	}
	p.config.Audit.Often(e)
}

// answerJSON answers as WeChat does.
func (x *exchange) answerJSON(body []byte) {
	x.ctx.Response.Header.SetContentType("application/json; encoding=utf-8")
	x.ctx.Response.SetBody(body)
}

// A tokenRequest is what SDKs send to get a token: in the query, as a form or as
// JSON.
type tokenRequest struct{ grantType, appID, secret givenValue }

// readTokenRequest reads a request for a token, and refuses what WeChat would refuse.
func (x *exchange) readTokenRequest() (ask tokenRequest, err error) {
	body, err := io.ReadAll(x.body.Reader())
	if err != nil {
		return ask, err
	}
	table := &x.kind.Table.TokenRequest
	add := func(name, value string) {
		switch name {
		case table.GrantName:
			ask.grantType.add(value)
		case table.AppIDName:
			ask.appID.add(value)
		case table.SecretName:
			ask.secret.add(value)
		}
	}
	names := []string{table.GrantName, table.AppIDName, table.SecretName}
	target.EachNamed(x.target.Query, names, add)
	_, err = members.Rewrite(body, names, func(name, value string) (string, bool) {
		add(name, value)
		return "", false
	})
	if err != nil || x.fields.packed && len(body) > 0 {
		return ask, refuseAsWeChat(table.BadData, "data format error (wxproxy: the body is neither a JSON object nor a form)")
	}
	return ask, x.checkTokenRequest(&ask)
}

// checkTokenRequest refuses a request for a token that WeChat would refuse, with the same
// errcode.
func (x *exchange) checkTokenRequest(ask *tokenRequest) error {
	table, method := &x.kind.Table.TokenRequest, string(x.message.Method)
	switch {
	case method != fasthttp.MethodPost && (string(x.target.Policy) == table.POSTPath || method != fasthttp.MethodGet):
		return refuseAsWeChat(table.NotPOST, "require POST method")
	case ask.grantType.text != table.Grant || ask.grantType.conflicts:
		return refuseAsWeChat(table.BadGrant, "invalid grant_type")
	case ask.appID.text == "":
		return refuseAsWeChat(table.NoAppID, "appid missing")
	case ask.appID.conflicts:
		return refuseAsWeChat(table.BadAppID, "invalid appid (wxproxy: the request gives two different ones; leave one of them out)")
	}
	return nil
}
