package proxy

import (
	"io"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/target"
)

// Refusals of requests that a platform's credential does not fit.
var (
	errNoPlatform    = refuse(noCredential, "this API takes the token of a third-party platform, and the account that the request names has authorized none")
	errNotOfPlatform = refuse(noCredential, "a platform's credential does not open this API; name the account that has authorized the platform, by the path prefix /@APPID/")
	errNoSecretOf    = refuse(noCredential, "this API takes the AppSecret of the account, which a platform that the account has authorized does not have")
	errNeedsAdmin    = refuse(forbiddenPath, "this API changes accounts or templates of a platform, which takes a client with platform_admin = true")
	errNoneAtAll     = refuse(unknownAccount, "there is no [[platform]]")
	errSeveral       = refuse(unknownAccount, "there are several platforms; name one by the path prefix /@NAME/ or the header Wxproxy-Account")
)

// withPlatform is the class of requests that get a platform's token.
type withPlatform struct{ withToken }

func (withPlatform) traits() traits { return traits{forPlatform: true} }

func (withPlatform) permit(p *Proxy, x *exchange) error {
	if x.route.Administers && p.asksForKeys() && !x.client.PlatformAdmin {
		return errNeedsAdmin
	}
	if err := x.checkOAuth(); err != nil {
		return err
	}
	return forwarded{}.permit(p, x)
}

// checkOAuth refuses a request to /sns/... that is about no account that is served.
func (x *exchange) checkOAuth() error {
	if !x.route.OAuth {
		return nil
	}
	switch given := x.oauthAppID(); {
	case given.Conflicts:
		return errTwoAppIDs
	case x.authorizer == nil:
		return nil
	case given.Text != x.authorizer.AppID:
		return errTwoAccounts
	}
	return x.authorizer.mustBeAuthorized()
}

// admitBody chooses the platform, if the body has to say which it is, and holds a client that
// may use only some of the platform's accounts to these.
func (withPlatform) admitBody(p *Proxy, x *exchange) error {
	if err := p.choosePlatform(x); err != nil {
		return err
	}
	if !x.route.NamesAuthorizer || x.client.mayUse(x.account) {
		return x.checkNamedPlatform()
	}
	ask, err := x.readPlatformRequest()
	if err != nil {
		return err
	}
	return x.permitAuthorizer(ask.AppID)
}

// oauthAppID returns the appid of the account that a request to /sns/... is about: the one
// in the query, or else the one that the request names elsewhere.
func (x *exchange) oauthAppID() (given members.Value) {
	target.EachNamed(x.target.Query, []string{x.kind.Table.SecretNames.AppID}, func(_, value string) { given.Add(value) })
	if given.Text == "" && x.authorizer != nil {
		given.Text = x.authorizer.AppID
	}
	return given
}

// addressOAuth sets the target of a request that gets a platform's token under the
// platform's own parameter name, with the platform's appid and the account's beside it.
func (x *exchange) addressOAuth(token string) {
	table, path, remove := x.kind.Table, x.target.Path, x.kind.oauthNames
	appID := ""
	switch {
	case x.platform != nil: // the caller wrote the request as one for the account alone
		path, remove, appID = []byte(x.route.AsPlatform), append(x.kind.oauthNames, table.SecretParameters...), x.account.AppID
	case x.authorizer != nil:
		remove, appID = append(x.kind.oauthNames, table.SecretNames.AppID), x.authorizer.AppID
	}
	add := make([]target.Parameter, 0, 3)
	if appID != "" {
		add = append(add, target.Parameter{Name: table.SecretNames.AppID, Value: appID})
	}
	x.addressAt(path, remove, append(add, target.Parameter{Name: table.Platform.AppIDParameter, Value: x.holder().AppID},
		target.Parameter{Name: table.Platform.TokenParameter, Value: token})...)
}

// asPlatform returns the account that an API takes where a was chosen: the platform that a
// has authorized, if the API is one of platforms.
func (x *exchange) asPlatform(a *Account) (*Account, error) {
	switch {
	case x.route.traits.forPlatform && a.platform == nil:
		return nil, errNoPlatform
	case x.route.traits.forPlatform && a.isAuthorizer(), x.route.PlatformFirst && a.isAuthorizer():
		x.authorizer = a
		return a.platform.component, nil
	}
	return a, nil
}

// noteAuthorizer takes notice of the account that a request names beside a platform's
// virtual token.
func (p *Proxy) noteAuthorizer(x *exchange) error {
	if x.route.traits.forPlatform {
		if a, _, err := p.addressedAccount(x); err == nil && a != nil && a.isAuthorizer() {
			x.authorizer = a
		}
	}
	return nil
}

// impliedPlatform returns the platform of a request that names none: the only one, or the
// only one that the client may use.
func (p *Proxy) impliedPlatform(x *exchange) (only *Account, err error) {
	if len(p.platforms) == 0 {
		return nil, errNoneAtAll
	}
	for _, pl := range p.platforms {
		switch {
		case len(p.platforms) > 1 && !x.client.mayUse(pl.component):
			continue
		case only != nil:
			return nil, errSeveral
		}
		only = pl.component
	}
	if only == nil {
		return nil, errSeveral
	}
	return only, nil
}

// isAboutOwn reports whether a request is about an account of a platform that the client
// may use, although it may not use the platform; what the body says is decided later.
func (x *exchange) isAboutOwn() bool {
	pl := x.account.platform
	switch {
	case !x.account.isComponent() || !x.client.hasAppIDs:
		return false
	case x.route.traits.namesAuthorizer || x.route.NamesAuthorizer:
		return true
	case x.route.OAuth:
		return x.client.mayUseOf(pl, x.oauthAppID().Text)
	}
	return x.route.PlatformFirst && x.authorizer != nil && x.client.mayUse(x.authorizer)
}

// withMembers is the class of requests that get a platform's appid and AppSecret, as members
// of a JSON object.
type withMembers struct{}

func (withMembers) removes(k *accountkind.Kind) []string { return k.TokenParameters }
func (withMembers) traits() traits                       { return traits{getsSecret: true, forPlatform: true} }
func (withMembers) permit(p *Proxy, x *exchange) error   { return forwarded{}.permit(p, x) }

func (withMembers) admit(_ *Proxy, x *exchange) (done bool, err error) {
	x.expectMembers()
	return false, nil
}

func (withMembers) admitBody(p *Proxy, x *exchange) error {
	if x.hasMembers {
		if err := p.admitByBody(x); err != nil {
			return err
		}
	}
	secret, err := x.account.Secret()
	if err != nil {
		return secretUnreadable(x.account)
	}
	content, err := io.ReadAll(x.body.Reader())
	if err != nil {
		return err
	}
	x.sent = secret
	content, err = members.Set(content, [2]string{x.route.Names.AppID, x.account.AppID}, [2]string{x.route.Names.Secret, secret})
	if err != nil {
		return refuse(badRequest, errUnreadableBody.Error())
	}
	x.body.Replace(content)
	return nil
}

func (withMembers) answer(p *Proxy, x *exchange) error {
	x.address(x.kind.Table.TokenParameters)
	if err := p.send(x); err != nil {
		return err
	}
	x.reportSecret(x.sent)
	return nil
}
