package platforms

import (
	"context"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/platform"
	"wxproxy/proxy"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

// ForProxy tells the proxy of the platform. The account has what the proxy has to know of the
// platform itself besides its app id and its token.
func (r *Running) ForProxy(component proxy.Account) proxy.Platform {
	own := r.Component()
	component.AppID, component.Tokens = r.appID, tokens{own}
	component.Accepted, component.IsHonoured, component.IsDead = own.Accepted, own.IsHonoured, own.IsDead
	return proxy.Platform{
		Account: component, Authorizer: r.forProxy, Unreadable: r.unreadable, Redeem: r.redeem, PreAuthCode: r.preAuthCode,
		AddressRefused: r.AddressRefused, AddressAccepted: r.AddressAccepted,
	}
}

// forProxy tells the proxy of an account that has authorized the platform.
func (r *Running) forProxy(appID string) (proxy.Account, bool) {
	known, isKnown := r.Authorizer(appID)
	if !isKnown {
		return proxy.Account{}, false
	}
	of, a := (*tokensOf)(known), &authorizer{known, r.ticket}
	return proxy.Account{
		Tokens: of, Authorized: of.authorized, Lend: a.lend, Ticket: a.useTicket, LendTicket: a.lendTicket,
		Accepted: of.accepted, IsHonoured: a.isHonoured, IsDead: a.isDead, Known: a.appendKnown,
	}, true
}

// unreadable says in words why nobody can tell whether an account has authorized the platform.
func (r *Running) unreadable(appID string) error {
	err := r.Unreadable(appID)
	if err == nil {
		return nil
	}
	e := r.Explain(err)
	return unread{problem{err}, "nobody can tell yet whether the account " + appID + " has authorized the platform " + r.appID + ": " + e.Reason + "; " + e.Remedy + " (" + e.RemedyZH + ")"}
}

func (r *Running) redeem(code string, wait time.Duration) (proxy.Grant, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	shown := secret.New(code)
	appID, err := r.Redeem(ctx, shown)
	if err != nil {
		return proxy.Grant{}, ofCall(err)
	}
	return proxy.Grant{AppID: appID, FuncInfo: wechat.FuncInfo(r.Permissions(appID, shown))}, nil
}

func (r *Running) preAuthCode(wait time.Duration) (string, time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	code, life, err := r.wechat.PreAuthCode(ctx)
	return code.Reveal(), life, ofCall(err)
}

// tokens are those of a keeper, or of an account, with errors in the proxy's words.
type tokens struct{ proxy.Tokens }

// Token implements [proxy.Tokens].
func (t tokens) Token(wait time.Duration) (string, error) {
	value, err := t.Tokens.Token(wait)
	return value, inWords(err)
}

// Replace implements [proxy.Tokens].
func (t tokens) Replace(refused string, wait time.Duration) (string, error) {
	value, err := t.Tokens.Replace(refused, wait)
	return value, inWords(err)
}

// tokensOf is an account as each request asks it, without another step through memory:
// with a hundred thousand accounts none is in the processor's cache, and each step is a wait.
type tokensOf platform.Authorizer

// Token implements [proxy.Tokens].
func (t *tokensOf) Token(wait time.Duration) (string, error) {
	value, err := (*platform.Authorizer)(t).Token(wait)
	return value, inWords(err)
}

// Replace implements [proxy.Tokens].
func (t *tokensOf) Replace(refused string, wait time.Duration) (string, error) {
	value, err := (*platform.Authorizer)(t).Replace(refused, wait)
	return value, inWords(err)
}

func (t *tokensOf) authorized() error { return inWords((*platform.Authorizer)(t).Usable()) }

func (t *tokensOf) accepted(value string, sent time.Time) {
	if k, err := (*platform.Authorizer)(t).Keeper(); err == nil {
		k.Accepted(value, sent)
	}
}

// An authorizer is an account that has authorized a platform. Its keeper is another one after
// a day without a call.
type authorizer struct {
	*platform.Authorizer
	ticket token.FetchTicket
}

func (a *authorizer) lend(wait time.Duration) (value string, life time.Duration, err error) {
	err = a.With(func(k *token.Keeper) (err error) {
		value, life, err = k.Lend(wait)
		return err
	})
	return value, life, inWords(err)
}

func (a *authorizer) useTicket(ticketType string, wait time.Duration) (string, error) {
	tickets, err := a.Tickets(a.ticket)
	if err != nil {
		return "", inWords(err)
	}
	value, err := tickets.Ticket(ticketType, wait)
	return value, inWords(err)
}

func (a *authorizer) lendTicket(ticketType string, wait time.Duration) (string, time.Duration, error) {
	tickets, err := a.Tickets(a.ticket)
	if err != nil {
		return "", 0, inWords(err)
	}
	value, life, err := tickets.Lend(ticketType, wait)
	return value, life, inWords(err)
}

func (a *authorizer) isHonoured(value string) bool {
	k, err := a.Keeper()
	return err == nil && k.IsHonoured(value)
}

func (a *authorizer) isDead(value string) bool {
	k, err := a.Keeper()
	return err == nil && k.IsDead(value)
}

func (a *authorizer) appendKnown(dst []string) []string {
	if k, err := a.Keeper(); err == nil {
		return k.Known(dst)
	}
	return dst
}
