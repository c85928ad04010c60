package proxy

import (
	"bytes"
	"errors"
	"net/url"

	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/virtual"
)

// admitVirtual takes the client and the account from the virtual token in the query, and
// reports whether there is one. On a path that takes the caller's own credential it
// refuses a virtual token, which WeChat would not know.
func (p *Proxy) admitVirtual(x *exchange) (found bool, err error) {
	parameter := x.kind.Table.TokenParameter
	text, rest := virtualIn(x.target.Query, parameter)
	if text == nil {
		return false, nil
	}
	if x.route.traits.hasOwn {
		return true, x.asWeChat(virtual.ErrMisplaced)
	}
	if x.account, x.client, err = p.verify(x, &x.virtual, text); err != nil {
		return true, x.asWeChat(err)
	}
	for text, rest = virtualIn(rest, parameter); text != nil; text, rest = virtualIn(rest, parameter) {
		if bytes.Equal(text, x.virtual.Text) {
			continue
		}
		var other virtual.LastToken
		if a, c, err := p.verify(x, &other, text); err != nil {
			return true, x.asWeChat(err)
		} else if a != x.account || c != x.client {
			return true, errTwoTokens
		}
	}
	return true, nil
}

// errTwoTokens refuses two virtual tokens that are good, of which neither wins.
var errTwoTokens = refuse(badRequest, "the query holds virtual tokens of two accounts or two clients; leave one of them out")

// verify returns the client and the account of a virtual token, or an error if it is not
// good. Last remembers the token, so that the next request with it is quick.
func (p *Proxy) verify(x *exchange, last *virtual.LastToken, text []byte) (a *Account, c *Client, err error) {
	if err := last.Parse(text); err != nil {
		return nil, nil, err
	}
	if a, c = p.byID[last.Token.Account], &p.anyone; a == nil {
		return nil, nil, virtual.ErrForged
	}
	if last.Token.Client != (virtual.ID{}) || len(p.clients.byID) > 0 {
		if c = p.clients.byID[last.Token.Client]; c == nil {
			return a, nil, virtual.ErrForged
		}
		if p.provesAnother(x, c) {
			return a, c, virtual.ErrForged // another client has no use for it
		}
		if !c.isKeyless() {
			return a, c, last.Check(c.signing, x.began)
		}
		if p.clients.certified(x.caller) != c {
			return a, c, virtual.ErrForged // only its certificate proves it
		}
	}
	return a, c, last.Check(a.signing, x.began)
}

// virtualIn returns the first virtual token in the query, or nil, and the rest of the query
// behind it.
func virtualIn(query []byte, parameter string) (text, rest []byte) {
	for len(query) > 0 {
		var segment []byte
		segment, query = target.CutSegment(query)
		if !target.IsNamed(segment, parameter) {
			continue
		}
		_, value, _ := bytes.Cut(segment, []byte("="))
		if bytes.IndexByte(value, '%') >= 0 {
			if plain, err := url.QueryUnescape(string(value)); err == nil {
				value = []byte(plain)
			}
		}
		if bytes.HasPrefix(value, []byte(virtual.Prefix)) {
			return value, query
		}
	}
	return nil, nil
}

// asWeChat returns the refusal of a virtual token with WeChat's errcode, upon which SDKs
// fetch another one.
func (x *exchange) asWeChat(err error) error {
	switch {
	case errors.Is(err, virtual.ErrExpired):
		return refuseAsWeChat(x.kind.Table.ExpiredToken, "access_token expired (wxproxy: "+err.Error()+")")
	case errors.Is(err, virtual.ErrForged), errors.Is(err, virtual.ErrMisplaced):
		return refuseAsWeChat(x.kind.Table.InvalidToken, "invalid credential, access_token is invalid or not latest (wxproxy: "+err.Error()+")")
	}
	return err
}

// accountInToken returns the account that a virtual token in the query is for, or nil. The
// token is not verified: anybody could have written it.
func (p *Proxy) accountInToken(x *exchange) *Account {
	for _, k := range p.kinds {
		text, _ := virtualIn(x.target.Query, k.Table.TokenParameter)
		if text != nil && x.virtual.Parse(text) == nil {
			return p.byID[x.virtual.Token.Account]
		}
	}
	return nil
}
