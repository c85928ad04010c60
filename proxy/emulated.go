package proxy

import (
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/component"
	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/virtual"
)

// emulated is the class of requests by which programs manage a platform's tokens
// themselves, and which the proxy answers in WeChat's place.
type emulated struct{}

func (emulated) traits() traits { return traits{forPlatform: true, namesAuthorizer: true} }

func (emulated) admit(p *Proxy, x *exchange) (done bool, err error) {
	if p.config.TokenEndpoint == TokenDeny {
		return false, errNoTokens
	}
	x.maxBody = min(x.maxBody, body.MemorySize)
	return false, nil
}

func (emulated) admitBody(p *Proxy, x *exchange) error { return p.choosePlatform(x) }
func (emulated) removes(k *accountkind.Kind) []string  { return k.TokenParameters }

// permit lets all clients ask that are not denied it: SDKs cannot call anything without a
// token, and the token is held to the client's rights.
func (emulated) permit(_ *Proxy, x *exchange) error {
	if accountkind.MatchesAny(x.client.Deny, x.target.Policy) {
		return refuse(forbiddenPath, "the client "+x.client.Name+" may not call this path")
	}
	return nil
}

// answer answers a request for the token of an account that has authorized the platform.
func (emulated) answer(p *Proxy, x *exchange) error {
	ask, err := x.readPlatformRequest()
	if err != nil {
		return err
	}
	if err := x.permitAuthorizer(ask.AppID); err != nil {
		return err
	}
	table := &x.kind.Table.Platform
	a, err := x.authorizerOf(ask.AppID)
	if err != nil {
		return err
	}
	if why := a.mustBeAuthorized(); why != nil {
		return refuseAsWeChat(table.NotAuthorized, "component is not authorized by this account (wxproxy: "+why.Error()+")")
	}
	return x.answerWith(component.AuthorizerToken(p.virtualFor(x, a), virtual.Life))
}

// redeeming is the class of requests that show an authorization code, which changes what the
// platform has.
type redeeming struct{ emulated }

func (redeeming) permit(p *Proxy, x *exchange) error { return forwarded{}.permit(p, x) }

func (redeeming) answer(p *Proxy, x *exchange) error {
	ask, err := x.readPlatformRequest()
	if err != nil {
		return err
	}
	pl := x.account.platform
	grant, err := pl.Redeem(ask.Code, p.config.TokenWait)
	if err != nil {
		return asRefused(err)
	}
	if err := x.permitAuthorizer(grant.AppID); err != nil {
		return err
	}
	a, err := x.authorizerOf(grant.AppID)
	if err != nil {
		return err
	}
	answer, err := component.Redeemed(a.AppID, p.virtualFor(x, a), virtual.Life, grant.FuncInfo)
	return x.answerWith(answer, err)
}

// virtualFor returns a virtual token of the client for an account of a platform.
func (p *Proxy) virtualFor(x *exchange, a *Account) string {
	return virtual.NewOfPlatform(a.AppID, [2]virtual.ID{a.platform.component.id, x.client.id}, time.Now().Add(virtual.Life), p.signingKey(x))
}

// answerWith answers in WeChat's place.
func (x *exchange) answerWith(answer []byte, err error) error {
	if err != nil {
		return err
	}
	x.ctx.Response.Header.Set("Wxproxy-Account", x.account.Name)
	x.answerJSON(answer)
	return nil
}

// choosePlatform chooses the platform that the body names, if there are several and the
// request names none elsewhere.
func (p *Proxy) choosePlatform(x *exchange) error {
	if x.account != nil {
		return nil
	}
	ask, err := x.readPlatformRequest()
	if err != nil {
		return err
	}
	for _, pl := range p.platforms {
		if pl.component.AppID == ask.Component && pl.component.kind == x.kind {
			x.account, x.admitted = pl.component, true
			return p.permit(x)
		}
	}
	if ask.Component == "" {
		return errSeveral
	}
	return refuseAsWeChat(x.kind.Table.Platform.TokenRequest.BadAppID, "invalid appid (wxproxy: component_appid is that of no platform)")
}

// componentToken is the class of requests for a platform's token.
type componentToken struct{ tokenPath }

func (componentToken) permit(p *Proxy, x *exchange) error { return emulated{}.permit(p, x) }
func (componentToken) traits() traits {
	return traits{callerInBody: true, forPlatform: true, namesAuthorizer: true}
}

// authorizePage is the class of the page that tells the address where a merchant authorizes
// a platform.
type authorizePage struct{ ownPage }

func (authorizePage) traits() traits { return traits{hasNoBody: true, forPlatform: true} }

// platformOfPage returns the platform that the page's query names; named is the account that
// the request names elsewhere, or nil.
func (p *Proxy) platformOfPage(x *exchange, named *Account) (*Account, error) {
	q, err := component.ReadQuestion(x.target.Query, x.kind.Table.TokenParameters)
	if err != nil {
		return nil, refuse(badRequest, err.Error())
	}
	if named != nil {
		if named, err = x.asPlatform(named); err != nil {
			return nil, err
		}
	}
	a := p.accounts[q.Platform]
	switch {
	case q.Platform == "" && named != nil:
		return named, nil
	case q.Platform == "":
		return p.impliedPlatform(x)
	case a == nil || !a.isComponent() || a.Name != q.Platform:
		return nil, refuse(unknownAccount, "there is no platform of that name")
	case named != nil && named != a:
		return nil, errTwoAccounts
	}
	return a, nil
}

func (authorizePage) answer(p *Proxy, x *exchange) error {
	if method := string(x.message.Method); method != fasthttp.MethodGet && method != fasthttp.MethodHead {
		return refuse(badRequest, "the address is asked for with GET")
	}
	q, err := component.ReadQuestion(x.target.Query, x.kind.Table.TokenParameters)
	switch {
	case err != nil:
		return refuse(badRequest, err.Error())
	case q.Platform != "" && q.Platform != x.account.Name:
		return errTwoAccounts
	}
	code, life, err := x.account.platform.PreAuthCode(p.config.TokenWait)
	if err != nil {
		return asRefused(err)
	}
	answer, err := members.Marshal(struct {
		URL       string `json:"url"`
		ExpiresIn int64  `json:"expires_in"`
	}{q.URL(x.account.AppID, code), wholeSeconds(life)})
	return x.answerWith(answer, err)
}

// issue returns a token for the client and how long it lives.
func (p *Proxy) issue(x *exchange) (string, time.Duration, error) {
	if p.config.TokenEndpoint == TokenReal && !x.account.isComponent() {
		began := x.span.Now()
		token, life, err := x.account.Lend(p.config.TokenWait)
		x.span.AddTokenWait(began)
		p.noteAsked(x, err)
		return token, life, err
	}
	if x.account.isAuthorizer() {
		return p.virtualFor(x, x.account), virtual.Life, x.account.mustBeAuthorized()
	}
	return virtual.New(x.account.id, x.client.id, time.Now().Add(virtual.Life), p.signingKey(x)), virtual.Life, nil
}
