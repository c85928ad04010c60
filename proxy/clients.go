package proxy

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"

	"wxproxy/accountkind"
	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/quota"
	"wxproxy/proxy/internal/virtual"
)

// clientTable finds clients by the hash of their keys: looking a hash up says
// nothing about the key by the time that it takes. It also finds them by what
// their virtual tokens say.
type clientTable struct {
	byKey  map[[sha256.Size]byte]*Client
	byID   map[virtual.ID]*Client
	byName map[string]*Client // as certificates give it
}

func newClientTable(clients []Client, deployment string) clientTable {
	t := clientTable{map[[sha256.Size]byte]*Client{}, map[virtual.ID]*Client{}, map[string]*Client{}}
	for _, c := range clients {
		c.Allow, c.Deny = policyPatterns(c.Allow), policyPatterns(c.Deny)
		c.id, c.quota, c.bodies = virtual.IDOf(c.Name), quota.New(c.MaxInFlight, c.Interval), new(body.ClientUsage)
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

// isKeyless reports whether only a certificate can prove who the client is.
func (c *Client) isKeyless() bool { return c.KeySHA256 == [sha256.Size]byte{} }

// withKey returns the client that has the key. No key is nobody's, even if a client
// has the hash of nothing.
func (t *clientTable) withKey(key []byte, last *keyHash) (*Client, bool) {
	key = bytes.TrimSpace(key)
	c, ok := t.byKey[*last.of(key)]
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

func policyPatterns(patterns []string) []string {
	spelled := make([]string, 0, len(patterns))
	for _, pattern := range patterns {
		spelled = append(spelled, accountkind.Normal(pattern))
	}
	return spelled
}

// mayStayOpen reports whether the caller's connection may stay open: not after a
// refusal, if it has never shown who the client is. Strangers would hold
// max_connections with that.
func (p *Proxy) mayStayOpen(x *exchange, err error) bool {
	c := x.caller
	if c == nil || c.IsProven() {
		return true
	}
	asks := p.asksForKeys()
	if p.isAuthenticated(x.client) && (asks || err == nil) && !c.IsSurplus() {
		c.Prove()
		return true
	}
	return err == nil || !asks
}

// isAuthenticated reports whether c, which may be nil, is who the caller had to prove to be.
func (p *Proxy) isAuthenticated(c *Client) bool {
	return c != nil && (c != &p.anyone || !p.asksForKeys())
}

// asksForKeys reports whether callers have to prove who they are.
func (p *Proxy) asksForKeys() bool { return len(p.clients.byName) > 0 }

// A Client is a program that may call through the proxy.
type Client struct {
	Name      string
	KeySHA256 [sha256.Size]byte // zero: it has no key, but a certificate in its name
	OldSHA256 [sha256.Size]byte // of the key before, which is good as well; zero: none is
	Accounts  []string          // names of the accounts it may use; empty: all
	Allow     []string          // path patterns; empty: every path
	Deny      []string          // path patterns; they win over Allow

	MaxInFlight int           // requests at a time; 0: any number
	Interval    time.Duration // between two requests, on average; 0: none

	quota   *quota.Quota      // nil: none
	bodies  *body.ClientUsage // what its bodies take; nil: only the budget of all bounds that
	id      virtual.ID
	signing virtual.Keys // of its virtual tokens, a key for each of its own
}

// A pathList is a client's list of path patterns.
type pathList []string

// match reports whether a pattern of the list matches the policy path.
func (l pathList) match(policy []byte) bool {
	for _, pattern := range l {
		if accountkind.Matches(pattern, policy) {
			return true
		}
	}
	return false
}

// permits reports whether the client may call the policy path.
func (c *Client) permits(policy []byte) bool {
	if pathList(c.Deny).match(policy) {
		return false
	}
	return len(c.Allow) == 0 || pathList(c.Allow).match(policy)
}

// enter waits until the client may make one request more. A nil error means that its
// quota is to be left when the request has ended.
func (c *Client) enter() error {
	err := c.quota.Enter()
	if err == nil {
		return nil // as nearly always, without an allocation
	}
	var exceeded *quota.ErrExceeded
	if !errors.As(err, &exceeded) {
		return err
	}
	detail := "the client " + c.Name + " makes more requests than its rate allows"
	if exceeded.InFlight {
		detail = "the client " + c.Name + " has max_in_flight requests under way"
	}
	return &failure{tooManyRequests, detail, exceeded.Wait}
}

// A keyHash is the hash of the key that was shown last. Most programs have one and
// show it each time, and hashing costs more than all else that is decided.
type keyHash struct {
	key []byte
	sum [sha256.Size]byte
}

// maxKeptKey bounds the key that is remembered.
const maxKeptKey = 256

// of returns the hash of key. The time that it takes says nothing of the last key
// but whether it is the same, or as long.
func (h *keyHash) of(key []byte) *[sha256.Size]byte {
	if len(h.key) == 0 || subtle.ConstantTimeCompare(h.key, key) == 0 {
		h.key, h.sum = h.key[:0], sha256.Sum256(key)
		if len(key) <= maxKeptKey {
			h.key = append(h.key, key...)
		}
	}
	return &h.sum
}
