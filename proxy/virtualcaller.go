package proxy

import (
	"bytes"
	"net/url"

	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/virtual"
)

// admitVirtual takes the client and the account from the virtual token in the query, and
// reports whether there is one. On a path that takes the caller's own credential it
// refuses a virtual token, which WeChat would not know.
func (p *Proxy) admitVirtual(x *exchange) (found bool, err error) {
	for rest := x.target.Query; ; found = true {
		var text []byte
		if text, rest = virtualIn(rest, x.kind.Table.TokenParameter); text == nil {
			return found, nil
		}
		last := &x.virtual
		switch {
		case x.route.traits.passesCallersCredential:
			return true, virtual.ErrMisplaced
		case found && bytes.Equal(text, x.virtual.Text):
			continue
		case found:
			last = new(virtual.LastToken)
		}
		a, c, err := p.verify(x, last, text)
		switch {
		case found && err == nil && (a != x.account || c != x.client):
			return true, errTwoTokens
		case !found:
			x.account, x.client = a, c
		}
		if err != nil {
			return true, err
		}
	}
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
	keys := a.signing
	if last.Token.Client != (virtual.ID{}) || len(p.clients.byID) > 0 {
		if c = p.clients.byID[last.Token.Client]; c == nil {
			return a, nil, virtual.ErrForged
		}
		if !p.doesNotContradict(x, c) {
			return a, c, virtual.ErrForged // another client has no use for it
		}
		if !c.isKeyless() {
			keys = c.signing
		}
	}
	return a, c, last.Check(keys, x.began)
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
