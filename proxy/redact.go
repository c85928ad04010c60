package proxy

import (
	"bytes"
	"crypto/sha256"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/logged"
	"wxproxy/proxy/internal/virtual"
)

const (
	// shortestCredential is the length of the shortest one that is looked for in
	// answers. WeChat's have 32 characters and more; a word of a few letters would be
	// found everywhere.
	shortestCredential = 6

	// maxQuotes bounds how many different lines a minute the log has about answers
	// that quote a credential.
	maxQuotes = 64
)

// A sought is what tells, at a glance, that most answers hold no credential of an
// account's: how many bytes in a row the one with the fewest has.
type credentialFilter struct{ least atomic.Int32 }

// start looks at the credentials that the account has at the start.
func (s *credentialFilter) start(a *Account) {
	s.least.Store(math.MaxInt32)
	if a.Known == nil {
		return
	}
	for _, value := range a.Known(nil) {
		s.add(value)
	}
}

// add learns of a credential.
func (s *credentialFilter) add(value string) {
	least := int32(secret.Least(value))
	for known := s.least.Load(); len(value) >= shortestCredential && least < known; known = s.least.Load() {
		if s.least.CompareAndSwap(known, least) {
			return
		}
	}
}

func (s *credentialFilter) leastBytes() int { return int(s.least.Load()) }

// credentials returns what the answer must not hold.
func (x *exchange) credentials() []string {
	x.values = append(x.values[:0], x.sent)
	if x.account.Known != nil {
		x.values = x.account.Known(x.values)
	}
	x.values = slices.DeleteFunc(x.values, func(value string) bool { return len(value) < shortestCredential })
	return x.values
}

// isQuoted reports whether text holds a credential.
func (x *exchange) isQuoted(text []byte) bool {
	if !secret.MayHold(text, x.account.filter.leastBytes()) {
		return false
	}
	_, found := x.searcher.Replace(text, logged.Masked, x.credentials())
	return found
}

// redactRaw takes the credentials that a header quotes out of it.
func (p *Proxy) redactRaw(x *exchange) {
	head := x.message.Head
	if secret.MayHold(head.Lines(), x.account.filter.leastBytes()) {
		if redacted := p.redactHead(x, head.Lines()); len(redacted) < len(head.Lines()) {
			head.SetLines(redacted)
		}
	}
}

// redactHead returns the lines of a header without the credentials that they quote.
func (p *Proxy) redactHead(x *exchange, lines []byte) []byte {
	redacted, found := x.searcher.Replace(lines, logged.Masked, x.credentials())
	if found {
		p.warnOfQuote(x, "header")
	}
	return redacted
}

// warnOfQuote says that an answer quoted a credential.
func (p *Proxy) warnOfQuote(x *exchange, where string) {
	account, path := x.account.Name, p.loggedPath(x.target.Path)
	if unsaid, ok := p.door.quotes.Allows(strings.Join([]string{where, account, path}, "\n"), time.Now()); ok {
		p.config.Log.Warn("WeChat's answer quoted a credential of the account; the caller got *** in its place",
			"account", account, "path", path, "where", where, "status", x.ctx.Response.StatusCode(), "unsaid", unsaid)
	}
}

// isSecret reports whether word is a secret: a virtual token, a client's key, or
// what the configuration says.
func (p *Proxy) isSecret(word []byte) bool {
	if len(word) == 0 {
		return false
	}
	if bytes.HasPrefix(word, []byte(virtual.Prefix)) {
		return true
	}
	if _, isKey := p.clients.byKey[sha256.Sum256(word)]; isKey {
		return true
	}
	return p.config.IsSecret != nil && p.config.IsSecret(word)
}

// loggedPath returns path as a log may show it.
func (p *Proxy) loggedPath(path []byte) string { return logged.Path(path, p.isSecret) }
