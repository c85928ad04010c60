package proxy

import (
	"wxproxy/accountkind"
	"wxproxy/proxy/internal/target"
)

// A class says what becomes of the requests to a path: which credential they get, and
// what the proxy has to know for that. Each class is a type; most have all from
// forwarded, and say only what is other with them.
type class interface {
	// admit decides what this class alone decides by the header. It reports whether that
	// is all: nobody asks then who calls, and for which account.
	admit(p *Proxy, x *exchange) (done bool, err error)

	// permit reports why the client may not call the path.
	permit(p *Proxy, x *exchange) error

	// removes returns the query parameters that a request loses.
	removes(k *accountkind.Kind) []string

	// answer sends the request to WeChat, or answers it in WeChat's place.
	answer(p *Proxy, x *exchange) error

	// traits say what else is other with the class.
	traits() traits
}

// traits are all false for a request that is forwarded with a credential of ours.
type traits struct {
	asksByBody bool // only its body says who calls; the class waits for the client's turn itself
	isFree     bool // it takes nobody's turn, and is no caller's
	hasNoBody  bool // it has no use for one
	hasOwn     bool // the caller's own credential goes through: a virtual token is none
	getsSecret bool // an AppSecret goes with it, which WeChat's answer may quote
}

// forwarded is a class without a credential of ours: the request passes, but for what
// is the proxy's.
type forwarded struct{}

func (forwarded) admit(*Proxy, *exchange) (done bool, err error) { return false, nil }
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

// withOwn is a class whose requests have a credential of the caller's, or need none.
type withOwn struct{ forwarded }

func (withOwn) traits() traits { return traits{hasOwn: true} }

// withToken is a class whose requests get the account's access token.
type withToken struct{ forwarded }

func (withToken) removes(k *accountkind.Kind) []string { return k.TokenParameters }
func (withToken) answer(p *Proxy, x *exchange) error   { return p.forwardWithToken(x) }

// withTicket is a class whose requests are answered from the cache of tickets.
type withTicket struct{ withToken }

func (withTicket) answer(p *Proxy, x *exchange) error { return p.answerTicket(x) }

// withSecret is a class whose requests get the account's appid and AppSecret.
type withSecret struct{ forwarded }

func (withSecret) removes(k *accountkind.Kind) []string { return k.SecretParameters }
func (withSecret) traits() traits                       { return traits{getsSecret: true} }
func (withSecret) answer(p *Proxy, x *exchange) error   { return p.forwardWithSecret(x) }

func (withSecret) admit(_ *Proxy, x *exchange) (done bool, err error) {
	if target.HasParameterBehindSemicolon(x.target.Query, x.kind.Table.SecretParameters) {
		return false, refuse(badRequest, target.ErrBehindSemicolon.Error())
	}
	target.EachNamed(x.target.Query, x.kind.Table.SecretMembers, x.addGiven)
	x.expectMembers()
	return false, nil
}

// denied is a class whose requests are refused, when it is clear who calls.
type denied struct{ forwarded }

func (denied) answer(*Proxy, *exchange) error { return errDenied }

// errDenied refuses the requests of class "deny", before their bodies are read.
var errDenied = refuse(noCredential, "this API takes a credential that no account of the proxy has, such as a third-party platform's or a WeCom application's, or a [[route]] denies it")

// ownPage is the class of the proxy's own pages.
type ownPage struct{ forwarded }

func (ownPage) traits() traits                     { return traits{hasNoBody: true} }
func (ownPage) answer(p *Proxy, x *exchange) error { return p.answerOwnPage(x) }

// healthPage is the class of those among them that are everybody's to know.
type healthPage struct{ ownPage }

func (healthPage) admit(*Proxy, *exchange) (done bool, err error) { return true, nil }
func (healthPage) traits() traits                                 { return traits{isFree: true, hasNoBody: true} }
func (healthPage) answer(p *Proxy, x *exchange) error             { return p.answerHealth(x) }

// tokenPath is the class of the paths where programs ask for a token.
type tokenPath struct{ forwarded }

func (tokenPath) admit(p *Proxy, x *exchange) (done bool, err error) {
	return true, p.expectTokenRequest(x)
}
func (tokenPath) permit(p *Proxy, x *exchange) error { return p.permitToken(x) }
func (tokenPath) traits() traits                     { return traits{asksByBody: true} }
func (tokenPath) answer(p *Proxy, x *exchange) error { return p.answerToken(x) }

// closedPath is the class of what the proxy would answer itself, where a configured
// route says that nobody may.
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
	case accountkind.CredentialSecret:
		return withSecret{}
	case accountkind.CredentialDeny:
		return denied{}
	case credentialLocal:
		return ownPage{}
	case credentialHealth:
		return healthPage{}
	case credentialToken:
		return tokenPath{}
	case credentialClosed:
		return closedPath{}
	}
	return withOwn{}
}
