package proxy

import (
	"io"
	"slices"

	"wxproxy/accountkind"
	"wxproxy/internal/audit"
	"wxproxy/proxy/internal/component"
	"wxproxy/proxy/internal/gettoken"
	"wxproxy/proxy/internal/members"
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
var errNoTokens = refuse(noCredential, "tokens stay in the proxy (token_endpoint is \"deny\"); call the APIs without access_token, it is added here")

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
	body, err := gettoken.Answer(x.tokenTable(), token, wholeSeconds(life))
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
	if x.tokenTable().OfCorp {
		return p.admitApplication(x, &ask)
	}
	appID := ask.AppID.Text
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
		if x.client, err = p.clientOfSecret(x, &ask.Secret); err != nil {
			return err
		}
	}
	return p.permit(x)
}

// clientOfSecret returns the client whose key is in the place of the AppSecret. A client
// that proves itself by Authorization or by its certificate may leave that out.
func (p *Proxy) clientOfSecret(x *exchange, secret *members.Value) (*Client, error) {
	if secret.Text == "" {
		if c, err := p.client(x); err == nil {
			return c, nil
		}
		return nil, refuseAsWeChat(x.tokenTable().NoSecret, gettoken.Problem(x.tokenTable(), "appsecret missing")+" (wxproxy: "+x.tokenTable().SecretName+" is this program's client key"+p.strayCertificate(x)+")")
	}
	c, known := p.clients.withKey([]byte(secret.Text), &x.key)
	if !known || secret.Conflicts || !p.doesNotContradict(x, c) {
		return nil, refuseKey(x.tokenTable().BadSecret, gettoken.Problem(x.tokenTable(), "invalid appsecret")+" (wxproxy: "+x.tokenTable().SecretName+" must be this program's client key)")
	}
	return c, nil
}

// admitApplication decides who asks for the token of a corp's application, for which one, and
// whether the caller may have it.
func (p *Proxy) admitApplication(x *exchange, ask *gettoken.Request) error {
	table, all := x.tokenTable(), p.corps[ask.AppID.Text]
	if len(all) == 0 {
		return refuseAsWeChat(table.BadAppID, "invalid corpid (wxproxy: no account is of this corp)")
	}
	choice, err := p.clientOfApplication(x, &ask.Secret)
	if err != nil {
		return err
	}
	named, isNamed, err := p.addressedAccount(x)
	switch choice.Named = slices.Index(all, named); {
	case err != nil:
		return err
	case isNamed && named != nil && named.kind != x.kind:
		return errDenied
	case isNamed && (named == nil || p.namesAnother(x, named)):
		return refuseAsWeChat(table.BadSecret, "invalid credential (wxproxy: no account has the name that the path prefix, Wxproxy-Account or from_appid gives, or they name two; of this corp are "+
			gettoken.Names(x.client.applications(all))+")")
	case isNamed && choice.Named < 0:
		return refuseAsWeChat(table.BadAppID, "invalid corpid (wxproxy: the account "+named.Name+", which the request names, is of another corp)")
	}
	i, problem := choice.Of(x.client.applications(all))
	if problem != "" {
		return refuseAsWeChat(table.BadSecret, "invalid credential (wxproxy: "+problem+")")
	}
	x.account = all[i]
	return p.permit(x)
}

// clientOfApplication sets the client whose key is in the place of the secret: the whole of it,
// or else what stands before its last colon. It returns what is said of the application.
func (p *Proxy) clientOfApplication(x *exchange, secret *members.Value) (choice gettoken.Choice, err error) {
	key, behind, found := gettoken.Cut(secret.Text)
	if !p.asksForKeys() {
		x.client = &p.anyone
		return gettoken.Choice{Behind: behind}, nil
	}
	if x.client, err = p.clientOfSecret(x, secret); err == nil || !found {
		return choice, err
	}
	x.client, err = p.clientOfSecret(x, &members.Value{Text: key, Conflicts: secret.Conflicts})
	return gettoken.Choice{Behind: behind, IsCertain: true}, err
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

// readTokenRequest reads a request for a token, and refuses what WeChat would refuse.
func (x *exchange) readTokenRequest() (ask gettoken.Request, err error) {
	body, err := io.ReadAll(x.body.Reader())
	if err != nil {
		return ask, err
	}
	table := x.tokenTable()
	if !ask.Read(table, x.target.Query, body) || x.fields.packed && len(body) > 0 {
		return ask, refuseAsWeChat(table.BadData, "data format error (wxproxy: the body is neither a JSON object nor a form)")
	}
	if errcode, errmsg := ask.Refusal(table, string(x.message.Method), string(x.target.Policy)); errcode != 0 {
		return ask, refuseAsWeChat(errcode, errmsg)
	}
	return ask, nil
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

// tokenTable says how programs ask for the token that the request is for.
func (x *exchange) tokenTable() *accountkind.TokenRequest {
	if x.route.traits.forPlatform {
		return &x.kind.Table.Platform.TokenRequest
	}
	return &x.kind.Table.TokenRequest
}
