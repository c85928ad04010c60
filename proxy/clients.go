package proxy

import (
	"bytes"
	"crypto/sha256"

	"wxproxy/accountkind"
	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/body"
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
		c.id, c.quota, c.bodies = virtual.IDOf(c.Name), newQuota(&c), new(body.ClientUsage)
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
