package proxy

import (
	"errors"
	"slices"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/errcode"
	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/upstream"
)

// forward answers what WeChat is asked, or the proxy in its place.
func (p *Proxy) forward(x *exchange) error {
	switch x.route.Credential {
	case credentialLocal:
		return p.answerLocally(x)
	case accountkind.CredentialTicket:
		return p.answerTicket(x)
	case accountkind.CredentialApp:
		return p.forwardWithToken(x)
	case accountkind.CredentialSecret:
		return p.forwardWithSecret(x)
	}
	x.address(accountkind.WeChat.OwnParameters)
	return p.send(x)
}

// forwardWithToken sends the request with the account's token, and once more if
// WeChat refuses that one and there is another, or WeChat stands by it all the
// same.
func (p *Proxy) forwardWithToken(x *exchange) error {
	token, err := x.account.Tokens.Token(p.config.TokenWait)
	if err != nil {
		return err
	}
	x.addressWith(token)
	if err := p.send(x); err != nil || !p.isRefused(x) {
		x.accept(token, err)
		return err
	}
	errcode := x.errcode
	outcome, err := p.sendAgain(x, token)
	p.config.Counts.Retry(x.account.Name, errcode, outcome)
	return err
}

// sendAgain sends the request once more, after WeChat refused token.
func (p *Proxy) sendAgain(x *exchange, token string) (traffic.RetryOutcome, error) {
	better, err := x.account.Tokens.Replace(token, p.config.TokenWait)
	if err != nil {
		return traffic.RetryUnavailable, err // which says more than the refusal: why there is no good token, and when there may be
	}
	if better == token && (x.account.isDead(token) || x.account.closed.has(x.target.Policy)) {
		return traffic.RetryInVain, nil
	}
	p.config.Log.Debug("sending again", "account", x.account.Name, "errcode", x.errcode, "same_token", better == token)
	x.addressWith(better)
	if err := p.send(x); err != nil {
		return traffic.RetryFailed, err
	}
	if !p.isRefused(x) {
		x.accept(better, nil)
		return traffic.RetryAccepted, nil
	}
	if better == token && x.account.isHonoured(token) {
		x.account.closed.add(x.target.Policy)
		p.config.Log.Warn("WeChat refuses a token here that it honours elsewhere: this API may not be open to the account",
			"account", x.account.Name, "path", p.loggedPath(x.target.Path), "errcode", x.errcode)
	}
	return traffic.RetryRefused, nil
}

// forwardWithSecret sends the request with the account's appid and AppSecret.
func (p *Proxy) forwardWithSecret(x *exchange) error {
	names := x.route.Names
	if names.Secret == "" {
		x.address(accountkind.WeChat.SecretParameters, target.Parameter{Name: names.AppID, Value: x.account.AppID})
		return p.send(x)
	}
	secret, err := x.account.Secret()
	if err != nil {
		return secretUnreadable(x.account)
	}
	x.sent = secret
	x.address(accountkind.WeChat.SecretParameters, target.Parameter{Name: names.AppID, Value: x.account.AppID}, target.Parameter{Name: names.Secret, Value: secret})
	if err := p.send(x); err != nil {
		return err
	}
	x.tellOfSecret(secret)
	return nil
}

// send sends the request as it stands, cleans the answer and reads its errcode.
func (p *Proxy) send(x *exchange) error {
	x.attempts++
	x.errcode = 0
	x.message.Head.Reset()
	resp := &x.ctx.Response
	if x.attempts > 1 && x.message.Head != nil {
		resp.Header.Reset() // the refused answer's, which one of raw lines would add to its own
	}
	if err := p.config.Upstream.Send(&x.message, resp); err != nil {
		return err
	}
	if head := x.message.Head; head.IsRaw() {
		p.redactRaw(x)
		head.Add("Wxproxy-Account", x.account.Name)
		head.Add("Wxproxy-Attempts", attemptNames[x.attempts])
	} else {
		if err := p.cleanHeader(x); err != nil {
			return err
		}
		resp.Header.Set("Wxproxy-Account", x.account.Name)
		resp.Header.Set("Wxproxy-Attempts", attemptNames[x.attempts])
	}
	if err := p.redactBody(x); err != nil {
		return err
	}
	if err := p.handOver(x); err != nil {
		return err
	}
	if x.errcode = errcode.Of(resp); x.errcode != 0 {
		p.config.Counts.Errcode(x.account.Name, x.errcode)
	}
	return nil
}

// handOver prepares the caller's side for an answer that streams.
func (p *Proxy) handOver(x *exchange) error {
	resp := &x.ctx.Response
	if !resp.IsBodyStream() {
		return nil
	}
	if resp.Header.ContentLength() < 0 && !x.ctx.Request.Header.IsHTTP11() {
		if learned, err := p.learnLength(resp); learned || err != nil {
			return err
		}
	}
	x.caller.HoldLittle()
	s := upstream.StreamOf(resp)
	if s == nil {
		return nil
	}
	account, path, log := x.account.Name, p.loggedPath(x.target.Path), p.config.Log
	p.inFlight.Add(1)
	x.streams = true
	quota := x.client.quota
	s.OnEnd(func(err error) {
		p.inFlight.Add(-1)
		quota.leave()
		switch {
		case errors.Is(err, upstream.ErrLeftAnswer):
			log.Debug("a caller left before the end of its answer", "account", account, "path", path)
		case err != nil:
			log.Warn("WeChat's answer was cut, and so is the caller's", "account", account, "path", path, "err", err)
		}
	})
	return nil
}

// isRefused reports whether WeChat refused the access token in its answer.
func (p *Proxy) isRefused(x *exchange) bool {
	return x.errcode != 0 && slices.Contains(p.config.RetryErrcodes, x.errcode)
}
