package proxy

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"time"

	"wxproxy/accountkind"
	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/lastkey"
	"wxproxy/proxy/internal/quota"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/internal/wire"
)

// clientTable finds clients by the hashes of their keys, so that the time of a look-up
// tells nothing about a key. It also finds them by the id in their virtual tokens and by
// the name in their certificates.
type clientTable struct {
	byKey  map[[sha256.Size]byte]*Client
	byID   map[virtual.ID]*Client
	byName map[string]*Client // as certificates give it
}

func newClientTable(clients []Client, deployment string) clientTable {
	t := clientTable{map[[sha256.Size]byte]*Client{}, map[virtual.ID]*Client{}, map[string]*Client{}}
	for _, c := range clients {
		c.Allow, c.Deny = accountkind.NormalAll(c.Allow), accountkind.NormalAll(c.Deny)
		c.id, c.quota, c.bodies = virtual.IDOf(c.Name), quota.New(c.Name, c.MaxInFlight, c.Interval), new(clientBodies)
		t.byID[c.id], t.byName[c.Name] = &c, &c
		for _, key := range [][sha256.Size]byte{c.KeySHA256, c.OldSHA256} {
			if key != ([sha256.Size]byte{}) {
				t.byKey[key] = &c
				c.signing = append(c.signing, virtual.NewKey(deployment, key[:]))
			}
		}
	}
	return t
}

// A Client is a program that may call through the proxy.
type Client struct {
	Name          string
	KeySHA256     [sha256.Size]byte // zero: it has no key, but a certificate in its name
	OldSHA256     [sha256.Size]byte // of the key before, which is good as well; zero: none is
	Accounts      []string          // names of the accounts it may use, "PLATFORM", "PLATFORM/*", APPID or "PLATFORM:APPID"; empty: all
	Allow         []string          // path patterns; empty: every path
	Deny          []string          // path patterns; they win over Allow
	PlatformAdmin bool              // it may call what changes accounts or templates of a platform

	MaxInFlight int           // requests at a time; 0: any number
	Interval    time.Duration // between two requests, on average; 0: none

	only      string // the name of its only account; empty: it may use several, or none of [[account]]
	hasAppIDs bool   // some of its accounts are such as have authorized a platform

	quota   *quota.Quota  // nil: none
	bodies  *clientBodies // nil: only the budget of all bounds them
	id      virtual.ID
	signing virtual.Keys // of its virtual tokens, a key for each of its own
}

// isKeyless reports whether only a certificate can prove who the client is.
func (c *Client) isKeyless() bool { return c.KeySHA256 == [sha256.Size]byte{} }

// withKey returns the client that has the key. The empty key belongs to nobody, even if a
// client is configured with its hash.
func (t *clientTable) withKey(key []byte, last *lastkey.Hash) (*Client, bool) {
	key = bytes.TrimSpace(key)
	c, ok := t.byKey[*last.Of(key)]
	return c, ok && len(key) > 0
}

// certified returns the client that the caller's certificate names, nil if none.
func (t *clientTable) certified(c *front.Conn) *Client {
	name := c.CommonName()
	if name == "" {
		return nil
	}
	return t.byName[name]
}

// Refusals of callers that have neither a virtual token nor prove to be a client.
var (
	errNoKey         = refuse(unauthenticated, showKey)
	errUnknownKey    = refuse(unauthenticated, "no client has this key")
	errTwoKeys       = refuse(unauthenticated, "the request shows two different keys, in its query or in its body; show one")
	errOtherKey      = refuse(unauthenticated, "the key is another client's than the certificate")
	errTwoClients    = refuse(unauthenticated, "secret is another client's key than the header Authorization or the certificate proves; show one client's")
	errUnknownSecret = refuse(unauthenticated, "no client has this key: secret must be this program's client key, not the AppSecret, which stays in wxproxy")
)

// showKey says what to do without a proof.
const showKey = `send the header "Authorization: Bearer KEY" with this program's key`

// client returns the client that proves itself by its certificate, by
// "Authorization: Bearer KEY", or by its key in the place of the AppSecret, where
// SDKs send that.
func (p *Proxy) client(x *exchange) (*Client, error) {
	if len(p.clients.byName) == 0 {
		return &p.anyone, nil
	}
	c, err := p.clientOfHeader(x)
	given := &x.given.secret
	if err != nil || given.Text == "" {
		return c, err
	}
	other, isKnown := p.clients.withKey([]byte(given.Text), &x.key)
	switch {
	case c != nil && isKnown && other != c:
		return nil, errTwoClients
	case c != nil:
		return c, nil // SDKs have to send something in the place of the AppSecret
	case given.Conflicts:
		return nil, errTwoKeys
	case !isKnown:
		return nil, errUnknownSecret
	}
	return other, nil
}

// clientOfHeader returns the client that proves itself by its certificate or by
// Authorization. Without such a proof it returns nil if the request has a key in the place
// of the AppSecret, and an error otherwise.
func (p *Proxy) clientOfHeader(x *exchange) (*Client, error) {
	certified := p.clients.certified(x.caller)
	scheme, key, _ := bytes.Cut(x.fields.authorization, []byte(" "))
	if !wire.IsFold(scheme, "bearer") {
		if certified == nil && x.given.secret.Text == "" {
			return nil, errNoKey
		}
		return certified, nil
	}
	switch c, ok := p.clients.withKey(key, &x.key); {
	case !ok:
		return nil, errUnknownKey
	case certified != nil && c != certified:
		return nil, errOtherKey
	default:
		return c, nil
	}
}

// contradiction returns the client that the caller of a refused request proved to be, and
// the one whose key it showed besides; nil unless that is why it was refused.
func (p *Proxy) contradiction(x *exchange, err error) (client, keyOf *Client) {
	switch {
	case errors.Is(err, errOtherKey):
		_, key, _ := bytes.Cut(x.fields.authorization, []byte(" "))
		client = p.clients.certified(x.caller)
		keyOf, _ = p.clients.withKey(key, &x.key)
	case errors.Is(err, errTwoClients):
		client, _ = p.clientOfHeader(x)
		keyOf, _ = p.clients.withKey([]byte(x.given.secret.Text), &x.key)
	}
	return client, keyOf
}

// doesNotContradict reports whether the caller, who says to be c, does not prove to be another
// client, or two at once. Of a client without a key only its certificate proves it.
func (p *Proxy) doesNotContradict(x *exchange, c *Client) bool {
	certified := p.clients.certified(x.caller)
	if c.isKeyless() && certified != c {
		return false
	}
	other, err := p.client(x)
	return err == nil && other == c || err != nil && certified == nil // whose key is then none of a client's
}

// signingKey returns the key for a virtual token of the client: that of the client's own
// key which was shown, so that replicas honour the token whether they know the client's
// next key already or not.
func (p *Proxy) signingKey(x *exchange) *virtual.Key {
	c := x.client
	switch {
	case c == &p.anyone || c.isKeyless():
		return &x.account.signing[0]
	case len(c.signing) > 1 && x.key.Sum == c.OldSHA256:
		return &c.signing[1]
	}
	return &c.signing[0]
}

// errOldCertificate refuses callers whose TLS handshake was before tls_client_ca changed.
var errOldCertificate = refuse(unauthenticated,
	"tls_client_ca has changed, and what this connection was opened with is not good any more; connect again with a certificate that is")

// addressOf returns from where a request came, for the log.
func (p *Proxy) addressOf(x *exchange) string {
	var forwarded []string
	if !p.config.Trusted.Any() {
		return p.config.Trusted.Of(x.ctx.RemoteAddr().String(), nil)
	}
	for _, line := range x.ctx.Request.Header.PeekAll("X-Forwarded-For") {
		forwarded = append(forwarded, string(line))
	}
	return p.config.Trusted.Of(x.ctx.RemoteAddr().String(), forwarded)
}
