package proxy

import (
	"encoding/json"
	"io"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/internal/audit"
	"wxproxy/proxy/internal/component"
	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/target"
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

// errNoTokens refuses requests for tokens where nobody gets one.
var errNoTokens = refuse(noCredential, "tokens stay in the proxy (token_endpoint is \"deny\"); call WeChat's APIs without access_token, it is added here")

// expectTokenRequest leaves it to the body to say who asks for a token, and refuses the
// request if no caller gets one.
func (p *Proxy) expectTokenRequest(x *exchange) error {
	if p.config.TokenEndpoint == TokenDeny {
		return errNoTokens
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
	if x.account.isComponent() {
		return x.answerWith(component.Token(token, life))
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
	account, err := p.find([]byte(appID), x.began)
	switch {
	case err != nil || account == nil || account.AppID != appID || account.kind != x.kind:
		return refuseAsWeChat(x.tokenTable().BadAppID, "invalid appid (wxproxy: no account has it, or several platforms have)")
	case account.isComponent() && !x.route.traits.forPlatform:
		return refuseAsWeChat(x.kind.Table.Platform.OwnTokenPath, "must use api_component_token to get token for component acct (wxproxy: and api_authorizer_token, or an account's appid here)")
	case !account.isComponent() && x.route.traits.forPlatform:
		return refuseAsWeChat(x.tokenTable().BadAppID, "invalid appid (wxproxy: no platform has it)")
	case p.namesAnother(x, account):
		return refuseAsWeChat(x.tokenTable().BadAppID, "invalid appid (wxproxy: the path prefix, Wxproxy-Account or from_appid names another account; leave one of them out)")
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
		return nil, refuseAsWeChat(x.tokenTable().NoSecret, "appsecret missing (wxproxy: secret is this program's client key"+p.strayCertificate(x)+")")
	}
	c, known := p.clients.withKey([]byte(secret.text), &x.key)
	if !known || secret.conflicts || !p.doesNotContradict(x, c) {
		return nil, refuseAsWeChat(x.tokenTable().BadSecret, "invalid appsecret (wxproxy: secret must be this program's client key)")
	}
	return c, nil
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

// tokenTable says how programs ask for the token that the request is for.
func (x *exchange) tokenTable() *accountkind.TokenRequest {
	if x.route.traits.forPlatform {
		return &x.kind.Table.Platform.TokenRequest
	}
	return &x.kind.Table.TokenRequest
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
	table := x.tokenTable()
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
	names := []string{table.AppIDName, table.SecretName}
	if table.GrantName != "" {
		names = append(names, table.GrantName)
	}
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
	table, method := x.tokenTable(), string(x.message.Method)
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

// tokenPath is the class of requests for an access token, which the proxy answers itself.
type tokenPath struct{ forwarded }

func (tokenPath) admit(p *Proxy, x *exchange) (done bool, err error) {
	return true, p.expectTokenRequest(x)
}
func (tokenPath) admitBody(p *Proxy, x *exchange) error { return p.admitTokenRequest(x) }
func (tokenPath) permit(p *Proxy, x *exchange) error    { return p.permitToken(x) }
func (tokenPath) traits() traits                        { return traits{callerInBody: true} }
func (tokenPath) answer(p *Proxy, x *exchange) error    { return p.answerToken(x) }
