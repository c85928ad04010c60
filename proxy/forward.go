package proxy

import (
	"errors"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/errcode"
	"wxproxy/proxy/internal/target"
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
	x.caller.LimitSendBuffer()
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
		quota.Leave()
		switch {
		case errors.Is(err, upstream.ErrLeftAnswer):
			log.Debug("a caller left before the end of its answer", "account", account, "path", path)
		case err != nil:
			log.Warn("WeChat's answer was cut, and so is the caller's", "account", account, "path", path, "err", err)
		}
	})
	return nil
}
