package proxy

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/errcode"
	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/traffic"
)

// forwardWithToken sends the request with the account's token. If WeChat refuses that,
// the request is sent once more: with another token, or with the same one if WeChat says
// elsewhere that it is good.
func (p *Proxy) forwardWithToken(x *exchange) error {
	began := x.span.Now()
	token, err := x.holder().Tokens.Token(p.config.TokenWait)
	x.span.AddTokenWait(began)
	if err != nil {
		return err
	}
	x.addressWith(token)
	if err := p.send(x); err != nil || !x.isRefused() {
		x.accept(token, err)
		return err
	}
	errcode := x.errcode
	outcome, err := p.sendAgain(x, token)
	p.config.Counts.Retry(x.account.counted(), errcode, outcome)
	return err
}

// sendAgain sends the request once more, after WeChat refused token.
func (p *Proxy) sendAgain(x *exchange, token string) (traffic.RetryOutcome, error) {
	began := x.span.Now()
	better, err := x.holder().Tokens.Replace(token, p.config.TokenWait)
	x.span.AddTokenWait(began)
	if err != nil {
		return traffic.RetryUnavailable, x.withErrcode(err) // says more than WeChat's refusal: why there is no good token, and when there may be one
	}
	if better == token && (x.holder().isDead(token) || x.holder().closed.Has(x.target.Policy)) {
		return traffic.RetryInVain, nil
	}
	p.config.Log.Debug("sending again", "account", x.account.Name, "errcode", x.errcode, "same_token", better == token)
	x.addressWith(better)
	if err := p.send(x); err != nil {
		return traffic.RetryFailed, err
	}
	if !x.isRefused() {
		x.accept(better, nil)
		return traffic.RetryAccepted, nil
	}
	if better == token && x.holder().isHonoured(token) {
		x.holder().closed.Add(x.target.Policy)
		p.config.Log.Warn(x.kind.Table.Name+" refuses a token here that it honours elsewhere: this API may not be open to the account", //nolint:sloglint // it is constant for each kind
			"account", x.account.Name, "path", p.loggedPath(x.target.Path), "errcode", x.errcode)
	}
	return traffic.RetryRefused, nil
}

// A tooLate is why there was no other token in time for a request that was refused.
type tooLate interface {
	error
	Timeout() bool
	RetryAfter() time.Duration
}

// A refusedError is that, with the errcode, and whose it is.
type refusedError struct {
	tooLate
	errcode int
	by      string
}

// Error implements error.
func (e refusedError) Error() string {
	return e.tooLate.Error() + "; " + e.by + " refused the token with errcode " + strconv.Itoa(e.errcode)
}

// withErrcode adds WeChat's errcode to an error that does not say what WeChat answered,
// since the time was over before that was clear.
func (x *exchange) withErrcode(err error) error {
	var late tooLate
	if !errors.As(err, &late) || !late.Timeout() {
		return err
	}
	return refusedError{late, x.errcode, x.kind.Table.Name}
}

// isRefused reports whether WeChat refused the access token in its answer.
func (x *exchange) isRefused() bool {
	if x.holder().isComponent() {
		return slices.Contains(x.kind.Table.Platform.TokenErrcodes, x.errcode)
	}
	return x.kind.refuses(x.errcode)
}

// accept tells the account that WeChat honoured token, if the answer proves it. An answer
// that reports any failure proves nothing: WeChat may have failed before it looked at the
// token.
func (x *exchange) accept(token string, err error) {
	a := x.holder()
	if err == nil && x.wentWell() && a.Accepted != nil {
		a.Accepted(token, x.began)
	}
	if err == nil && a.platform != nil {
		a.platform.reportAddress(x)
	}
}

// reportAddress tells the platform whether WeChat takes calls from the address of this
// machine.
func (l *platform) reportAddress(x *exchange) {
	switch {
	case x.wentWell() && l.AddressAccepted != nil:
		l.AddressAccepted()
	case x.errcode == x.kind.Table.Platform.AddressRefused && l.AddressRefused != nil:
		l.AddressRefused(x.errcode, errcode.Message(&x.ctx.Response))
	}
}

// wentWell reports whether WeChat did what the request asked for.
func (x *exchange) wentWell() bool {
	return x.errcode == 0 && x.ctx.Response.StatusCode() == fasthttp.StatusOK
}

// forwardWithSecret sends the request with the account's appid and AppSecret.
func (p *Proxy) forwardWithSecret(x *exchange) error {
	names := x.route.Names
	if names.Secret == "" {
		x.address(x.kind.Table.SecretParameters, target.Parameter{Name: names.AppID, Value: x.account.AppID})
		return p.send(x)
	}
	secret, err := x.account.Secret()
	if err != nil {
		return secretUnreadable(x.account)
	}
	x.sent = secret
	x.address(x.kind.Table.SecretParameters, target.Parameter{Name: names.AppID, Value: x.account.AppID}, target.Parameter{Name: names.Secret, Value: secret})
	if err := p.send(x); err != nil {
		return err
	}
	x.reportSecret(secret)
	return nil
}

// reportSecret tells the account whether WeChat accepted the AppSecret.
func (x *exchange) reportSecret(secret string) {
	switch account := x.account; {
	case x.wentWell() && account.SecretAccepted != nil:
		account.SecretAccepted()
	case x.errcode != 0 && account.SecretRefused != nil:
		account.SecretRefused(x.errcode, strings.ReplaceAll(errcode.Message(&x.ctx.Response), secret, "***"))
	}
}

// countErrcode counts an answer that is an error.
func (p *Proxy) countErrcode(x *exchange) {
	p.config.Counts.Errcode(x.account.counted(), x.errcode)
	if slices.Contains(x.kind.Table.ReportedErrcodes, x.errcode) {
		p.config.Counts.Refused(x.account.counted(), traffic.Refusal{
			Errcode: x.errcode, LastAt: time.Now(), IP: errcode.Address(errcode.Message(&x.ctx.Response)),
		})
	}
}

// counted returns what the counts call the account: all that have authorized a platform
// have one name, as there may be a hundred thousand.
func (a *Account) counted() string {
	if a.isAuthorizer() {
		return a.platform.all
	}
	return a.Name
}

// refuses reports whether an answer with errcode refuses the access token.
func (k *kind) refuses(errcode int) bool {
	return errcode != 0 && slices.Contains(k.TokenErrcodes, errcode)
}

// isComponent reports whether the account is a platform itself.
func (a *Account) isComponent() bool { return a.platform != nil && a.platform.component == a }

// isAuthorizer reports whether the account is one that has authorized a platform.
func (a *Account) isAuthorizer() bool { return a.platform != nil && a.platform.component != a }

// forwardAsPlatform sends a request, that takes an account's AppSecret, with the token of
// the platform that the account has authorized.
func (p *Proxy) forwardAsPlatform(x *exchange) error {
	if err := x.account.mustBeAuthorized(); err != nil {
		return err
	}
	x.platform = x.account.platform.component
	return p.forwardWithToken(x)
}
