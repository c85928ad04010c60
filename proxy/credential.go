package proxy

import (
	"wxproxy/accountkind"
	"wxproxy/proxy/internal/target"
)

// A class is what the proxy does with the requests to a path: which credential they get,
// and what it has to know for that. Each credential class is a type. It embeds forwarded,
// or a type that does, and has methods of its own for what differs.
type class interface {
	// admit makes the decisions by the header that only this class needs. It returns true
	// if no others are needed: then neither the caller nor the account is determined by the
	// header.
	admit(p *Proxy, x *exchange) (done bool, err error)

	// admitBody decides what this class alone decides when the body was read.
	admitBody(p *Proxy, x *exchange) error

	// permit returns an error if the client may not call the path.
	permit(p *Proxy, x *exchange) error

	// removes returns the query parameters that are removed before WeChat gets the request.
	removes(k *accountkind.Kind) []string

	// answer sends the request to WeChat, or answers it in WeChat's place.
	answer(p *Proxy, x *exchange) error

	// traits returns what the stages of a request have to know of the class.
	traits() traits
}

// traits are the properties of a class by which the stages of a request differ. All are
// false for a request that gets an access token.
type traits struct {
	callerInBody            bool // only the body says who calls, so that answer waits for the client's quota itself
	isOpen                  bool // it needs no client and no quota, and is counted only if it is refused
	hasNoBody               bool // its body is left unread
	passesCallersCredential bool // the caller's own credential is passed on, so that a virtual token is an error
	getsSecret              bool // the AppSecret is added, which WeChat's answer may quote
	forPlatform             bool // the account is a platform
	namesAuthorizer         bool // the body says, or is answered with, an account of the platform
}

// forwarded is a class without a credential of the proxy's: the request is passed on
// without the parameters that are meant for the proxy.
type forwarded struct{}

func (forwarded) admit(*Proxy, *exchange) (done bool, err error) { return false, nil }
func (forwarded) admitBody(*Proxy, *exchange) error              { return nil }
func (forwarded) removes(k *accountkind.Kind) []string           { return k.OwnParameters }
func (forwarded) traits() traits                                 { return traits{} }

func (forwarded) permit(_ *Proxy, x *exchange) error {
	if !x.client.permits(x.target.Policy) {
		return refuse(forbiddenPath, "the client "+x.client.Name+" may not call this path")
	}
	return nil
}

func (forwarded) answer(p *Proxy, x *exchange) error {
	x.address(x.kind.Table.OwnParameters)
	return p.send(x)
}

// withOwn is the class of requests that have a credential of the caller's or need none.
type withOwn struct{ forwarded }

func (withOwn) traits() traits { return traits{passesCallersCredential: true} }

// withToken is the class of requests that get the account's access token.
type withToken struct{ forwarded }

func (withToken) removes(k *accountkind.Kind) []string { return k.TokenParameters }
func (withToken) answer(p *Proxy, x *exchange) error   { return p.forwardWithToken(x) }

func (withToken) permit(p *Proxy, x *exchange) error {
	if x.account.isComponent() && !x.route.EitherToken && !x.route.PlatformFirst {
		return errNotOfPlatform
	}
	return forwarded{}.permit(p, x)
}

// withSecret is the class of requests that get the account's appid and AppSecret.
type withSecret struct{}

func (withSecret) removes(k *accountkind.Kind) []string { return k.SecretParameters }
func (withSecret) traits() traits                       { return traits{getsSecret: true} }
func (withSecret) permit(p *Proxy, x *exchange) error {
	switch {
	case x.account.isComponent():
		return errNotOfPlatform
	case x.account.isAuthorizer() && x.route.AsPlatform == "":
		return errNoSecretOf
	}
	return forwarded{}.permit(p, x)
}

func (withSecret) answer(p *Proxy, x *exchange) error {
	if x.account.isAuthorizer() {
		return p.forwardAsPlatform(x)
	}
	return p.forwardWithSecret(x)
}

func (withSecret) admitBody(p *Proxy, x *exchange) error {
	if !x.hasMembers {
		return nil
	}
	return p.admitByBody(x)
}

func (withSecret) admit(_ *Proxy, x *exchange) (done bool, err error) {
	if target.HasParameterBehindSemicolon(x.target.Query, x.kind.Table.SecretParameters) {
		return false, refuse(badRequest, target.ErrBehindSemicolon.Error())
	}
	target.EachNamed(x.target.Query, x.kind.Table.SecretMembers, x.addGiven)
	x.expectMembers()
	return false, nil
}

// denied is the class of requests that are refused, after it is decided who calls.
type denied struct{ forwarded }

func (denied) answer(*Proxy, *exchange) error { return errDenied }

// errDenied refuses the requests of class "deny", before their bodies are read.
var errDenied = refuse(noCredential, "this API takes a credential that no account of the proxy has, such as a third-party platform's or a WeCom application's, or a [[route]] denies it")

// ownPage is the class of the proxy's own pages.
type ownPage struct{ forwarded }

func (ownPage) traits() traits                     { return traits{hasNoBody: true} }
func (ownPage) answer(p *Proxy, x *exchange) error { return p.answerOwnPage(x) }

// healthPage is the class of those among them that need no key.
type healthPage struct{ ownPage }

func (healthPage) admit(*Proxy, *exchange) (done bool, err error) { return true, nil }
func (healthPage) traits() traits                                 { return traits{isOpen: true, hasNoBody: true} }
func (healthPage) answer(p *Proxy, x *exchange) error             { return p.answerHealth(x) }

// closedPath is the class of paths that the proxy would answer itself, and that a
// configured route denies.
type closedPath struct{ forwarded }

func (closedPath) admit(*Proxy, *exchange) (done bool, err error) {
	return true, refuse(noCredential, "wxproxy would answer this path itself, and a [[route]] denies it")
}

// classOf returns the type of a route's class.
func classOf(r accountkind.Route) class {
	switch r.Credential {
	case accountkind.CredentialApp:
		return withToken{}
	case accountkind.CredentialTicket:
		return withTicket{}
	case accountkind.CredentialPlatform:
		return withPlatform{}
	case accountkind.CredentialSecret:
		if r.InBody {
			return withMembers{}
		}
		return withSecret{}
	case accountkind.CredentialUser, accountkind.CredentialNone:
		return withOwn{}
	case accountkind.CredentialDeny:
		return denied{}
	}
	if c := ownClassOf(r.Credential); c != nil {
		return c
	}
	panic("BUG: no type for the credential class " + string(r.Credential))
}

// ownClassOf returns the type of a class of what the proxy answers itself, or nil.
func ownClassOf(c accountkind.Credential) class {
	switch c {
	case credentialLocal:
		return ownPage{}
	case credentialHealth:
		return healthPage{}
	case credentialToken:
		return tokenPath{}
	case credentialComponent:
		return componentToken{}
	case credentialAuthorizer:
		return emulated{}
	case credentialRedeem:
		return redeeming{}
	case credentialAuthorize:
		return authorizePage{}
	case credentialClosed:
		return closedPath{}
	}
	return nil
}
