package proxy

import (
	"encoding/json"
	"net"
	"slices"
	"time"

	"wxproxy/proxy/internal/virtual"
)

// A TokenEndpoint says what callers get who ask the proxy for a token, in the
// words of the configuration.
type TokenEndpoint string

// What /cgi-bin/token and /cgi-bin/stable_token answer.
const (
	TokenVirtual TokenEndpoint = "virtual" // a token that is good at this proxy only
	TokenReal    TokenEndpoint = "real"    // WeChat's own
	TokenDeny    TokenEndpoint = "deny"    // 403
)

// awaitAsker leaves it to the body who asks for a token, if anybody gets one.
func (p *Proxy) awaitAsker(x *exchange) error {
	if p.config.TokenEndpoint == TokenDeny {
		return refuse(noCredential, "tokens stay in the proxy (token_endpoint is \"deny\"); call WeChat's APIs without access_token, it is added here")
	}
	x.expectSmallBody()
	return nil
}

// answerToken answers for WeChat, in its format and with its errcodes, which
// SDKs know.
func (p *Proxy) answerToken(x *exchange) error {
	ask, err := x.readTokenRequest()
	if err != nil {
		return err
	}
	if err := p.admitAsker(x, ask); err != nil {
		return err
	}
	if err := x.client.quota.enter(x.client.Name); err != nil {
		return err
	}
	defer x.client.quota.leave()
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

// admitAsker finds out who asks, and for which account.
func (p *Proxy) admitAsker(x *exchange, ask tokenRequest) error {
	appID := ask.appID.text
	account := p.accounts[appID]
	if account == nil || account.AppID != appID {
		return refuseAsWeChat(40013, "invalid appid (wxproxy: no account has it)")
	}
	if p.namesAnother(x, account) {
		return refuseAsWeChat(40013, "invalid appid (wxproxy: the path prefix, Wxproxy-Account or from_appid names another account; leave one of them out)")
	}
	x.account, x.client = account, &p.anyone
	if len(p.clients.byName) > 0 {
		var err error
		if x.client, err = p.asker(x, &ask.secret); err != nil {
			return err
		}
	}
	return p.permit(x)
}

// permitToken reports why the client may not have the token. A virtual one is held
// to all that the client is held to; WeChat's own goes round it.
func (p *Proxy) permitToken(x *exchange) error {
	c, path := x.client, x.target.Policy
	switch {
	case p.config.TokenEndpoint != TokenReal && !pathList(c.Deny).match(path):
		return nil // without it the client could do nothing
	case !c.permits(path):
		return refuse(forbiddenPath, "the client "+c.Name+" may not call this path")
	case p.config.TokenEndpoint == TokenReal && c.isHeld() && !slices.Contains(c.Allow, string(path)):
		return refuse(forbiddenPath, "the client "+c.Name+" is held to deny, rate or max_in_flight, and WeChat's own token (token_endpoint is \"real\") "+
			"would go round them; "+c.howToAllow(string(path)))
	}
	return nil
}

// howToAllow says how to let the client have path for sure, and no less than before.
func (c *Client) howToAllow(path string) string {
	if len(c.Allow) == 0 {
		return `if it may have that all the same, write allow = ["/*", "` + path + `"]: the path alone would close all others`
	}
	return `if it may have that all the same, add "` + path + `" to its allow`
}

// isHeld reports whether the client may do less than its paths and accounts say.
func (c *Client) isHeld() bool { return len(c.Deny) > 0 || c.quota != nil }

// asker returns the client whose key secret is. One that proves itself by the
// Authorization header or its certificate may leave it out.
func (p *Proxy) asker(x *exchange, secret *statement) (*Client, error) {
	if secret.text == "" {
		if c, err := p.client(x); err == nil {
			return c, nil
		}
		return nil, refuseAsWeChat(41004, "appsecret missing (wxproxy: secret is this program's client key)")
	}
	c, known := p.clients.withKey([]byte(secret.text), &x.key)
	if !known || secret.disputed || p.provesAnother(x, c) {
		return nil, refuseAsWeChat(40125, "invalid appsecret (wxproxy: secret must be this program's client key)")
	}
	return c, nil
}

// issue returns the token for who asks and how long it lives.
func (p *Proxy) issue(x *exchange) (string, time.Duration, error) {
	if p.config.TokenEndpoint == TokenReal {
		token, life, err := x.account.Lend(p.config.TokenWait)
		if err == nil {
			p.reportLent(x)
		}
		return token, life, err
	}
	keys := x.client.signing
	if x.client == &p.anyone || x.client.isKeyless() {
		keys = x.account.signing
	}
	return virtual.New(x.account.id, x.client.id, time.Now().Add(virtual.Life), &keys[0]), virtual.Life, nil
}

// reportLent has the log say who got WeChat's own token.
func (p *Proxy) reportLent(x *exchange) {
	account, client := names(x.account, x.client)
	address := "unix socket"
	if tcp, ok := x.ctx.RemoteAddr().(*net.TCPAddr); ok {
		address = tcp.IP.String()
	}
	x.account.lent.Note(func(count int) {
		p.config.Log.Info("WeChat's own token was handed out at the token endpoint",
			"account", account, "client", client, "address", address, "count", count)
	})
}

// answerJSON answers as WeChat does.
func (x *exchange) answerJSON(body []byte) {
	x.ctx.Response.Header.SetContentType("application/json; encoding=utf-8")
	x.ctx.Response.SetBody(body)
}
