package proxy

import (
	"bytes"
	"crypto/sha256"
	"net/url"

	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/virtual"
)

// hides reports whether word is a secret: a virtual token, a client's key, or
// what the configuration says. It is asked about what the log is to show alone.
func (p *Proxy) hides(word []byte) bool {
	if len(word) == 0 {
		return false
	}
	if bytes.HasPrefix(word, []byte(virtual.Prefix)) {
		return true
	}
	if _, isKey := p.clients.byKey[sha256.Sum256(word)]; isKey {
		return true
	}
	return p.config.Hides != nil && p.config.Hides(word)
}

// hidesSegment reports whether what stands between two slashes is a secret, as it
// is or encoded.
func (p *Proxy) hidesSegment(segment []byte) bool {
	if p.hides(segment) {
		return true
	}
	if bytes.IndexByte(segment, '%') < 0 {
		return false
	}
	plain, err := url.PathUnescape(string(segment))
	return err == nil && p.hides([]byte(plain))
}

// loggedPath returns path as a log may show it: without the words that are
// secrets, and without what looks like one.
func (p *Proxy) loggedPath(path []byte) string {
	segments := bytes.Split(path, []byte("/"))
	for i, segment := range segments {
		if p.hidesSegment(segment) {
			segments[i] = []byte(secret.Mask)
		}
	}
	return loggedPath(bytes.Join(segments, []byte("/")), p.hidesSegment)
}

// loggedNames returns the names in a query as a log may show them.
func (p *Proxy) loggedNames(query []byte) []string {
	names := parameterNames(query)
	for i, name := range names {
		if p.hides([]byte(name)) {
			names[i] = "?"
		}
	}
	return names
}
