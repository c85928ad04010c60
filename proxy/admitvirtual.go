package proxy

import (
	"bytes"
	"errors"
	"net/url"
)

// admitVirtual takes the client and the account from the virtual token in the
// query, if there is one. Where the caller's own token goes it is out of place.
func (p *Proxy) admitVirtual(x *exchange) (found bool, err error) {
	text := virtualIn(x.target.query)
	if text == nil {
		return false, nil
	}
	if c := x.route.Credential; c == CredentialUser || c == CredentialNone {
		return true, asWeChat(errMisplaced)
	}
	last := &x.virtual
	if err := last.take(text); err != nil {
		return true, asWeChat(err)
	}
	if x.account, x.client = p.byID[last.token.account], &p.anyone; x.account == nil {
		return true, asWeChat(errForged)
	}
	if last.token.client != (identity{}) || len(p.clients.byID) > 0 {
		if x.client = p.clients.byID[last.token.client]; x.client == nil {
			return true, asWeChat(errForged)
		}
		if p.provesAnother(x, x.client) {
			return true, asWeChat(errForged) // somebody else has no use for it
		}
		if !x.client.isKeyless() {
			return true, asWeChat(last.check(x.client.signing, x.began))
		}
		if p.clients.certified(x.ctx) != x.client {
			return true, asWeChat(errForged) // only its certificate proves it
		}
	}
	return true, asWeChat(last.check(x.account.signing, x.began))
}

// mustAgree refuses a request whose virtual token, which is good, is for another
// account than it names besides: one of both is a mistake, and neither wins.
func (p *Proxy) mustAgree(x *exchange) error {
	other, named := p.namedAccount(x)
	if !named || other == x.account {
		return nil
	}
	return refuse(badRequest, "the virtual token in access_token is for the account "+x.account.Name+
		", and the request names another one by its path prefix, by Wxproxy-Account, from_appid or appid; leave one of them out")
}

// provesAnother reports whether the caller, who says to be c, proves to be another
// client, or two at once.
func (p *Proxy) provesAnother(x *exchange, c *Client) bool {
	other, err := p.client(x)
	if err != nil {
		return p.clients.certified(x.ctx) != nil // and a key that is not its client's
	}
	return other != c
}

// virtualIn returns the first virtual token in the query, nil if there is none.
func virtualIn(query []byte) []byte {
	for len(query) > 0 {
		var segment []byte
		segment, query = cutSegment(query)
		if !named(segment, "access_token") {
			continue
		}
		_, value, _ := bytes.Cut(segment, []byte("="))
		if bytes.IndexByte(value, '%') >= 0 {
			if plain, err := url.QueryUnescape(string(value)); err == nil {
				value = []byte(plain)
			}
		}
		if bytes.HasPrefix(value, []byte(virtualPrefix)) {
			return value
		}
	}
	return nil
}

// asWeChat returns the refusal of a virtual token that SDKs know from WeChat:
// they fetch another one then.
func asWeChat(err error) error {
	switch {
	case errors.Is(err, errExpired):
		return refuseAsWeChat(42001, "access_token expired (wxproxy: "+err.Error()+")")
	case errors.Is(err, errForged), errors.Is(err, errMisplaced):
		return refuseAsWeChat(40001, "invalid credential, access_token is invalid or not latest (wxproxy: "+err.Error()+")")
	}
	return err
}
