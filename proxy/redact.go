package proxy

import (
	"bytes"
	"crypto/sha256"
	"math"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/logged"
	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/virtual"
)

const (
	// shortestCredential is the length of the shortest credential that answers are searched
	// for. WeChat's have 32 characters and more; one of a few letters would be found in
	// ordinary words.
	shortestCredential = 6

	// maxQuotes is how many different lines about answers that quote a credential the log
	// has in one minute.
	maxQuotes = 64
)

// A credentialFilter quickly tells of most answers that they hold no credential of an
// account: a text holds one only if it has least bytes in a row of those that credentials
// consist of (secret.MayHold).
type credentialFilter struct{ least atomic.Int32 }

// start adds the credentials that the account has at the start.
func (f *credentialFilter) start(a *Account) {
	f.least.Store(math.MaxInt32)
	if a.Known == nil {
		return
	}
	for _, value := range a.Known(nil) {
		f.add(value)
	}
}

// add adds a credential.
func (f *credentialFilter) add(value string) {
	least := int32(secret.Least(value))
	for known := f.least.Load(); len(value) >= shortestCredential && least < known; known = f.least.Load() {
		if f.least.CompareAndSwap(known, least) {
			return
		}
	}
}

// leastBytes returns how many such bytes in a row a text needs to hold a credential.
func (f *credentialFilter) leastBytes() int { return int(f.least.Load()) }

// credentials returns the credentials that the answer must not hold.
func (x *exchange) credentials() []string {
	x.values = append(x.values[:0], x.sent)
	if x.account.Known != nil {
		x.values = x.account.Known(x.values)
	}
	x.values = slices.DeleteFunc(x.values, func(value string) bool { return len(value) < shortestCredential })
	return x.values
}

// isQuoted reports whether text, which is a part of an answer, holds a credential.
func (x *exchange) isQuoted(text []byte) bool {
	if !secret.MayHold(text, x.account.filter.leastBytes()) {
		return false
	}
	_, found := x.searcher.Replace(text, logged.Masked, x.credentials())
	return found
}

// redactRaw redacts a header that is passed on in WeChat's own bytes.
func (p *Proxy) redactRaw(x *exchange) {
	head := x.message.Head
	if secret.MayHold(head.Lines(), x.account.filter.leastBytes()) {
		if redacted := p.redactHead(x, head.Lines()); len(redacted) < len(head.Lines()) {
			head.SetLines(redacted)
		}
	}
}

// redactHead returns the lines of a header with *** in the place of credentials.
func (p *Proxy) redactHead(x *exchange, lines []byte) []byte {
	redacted, found := x.searcher.Replace(lines, logged.Masked, x.credentials())
	if found {
		p.warnOfQuote(x, "header")
	}
	return redacted
}

// warnOfQuote logs that an answer quoted a credential.
func (p *Proxy) warnOfQuote(x *exchange, where string) {
	account, path := x.account.Name, p.loggedPath(x.target.Path)
	if unsaid, ok := p.door.quotes.Allows(strings.Join([]string{where, account, path}, "\n"), time.Now()); ok {
		p.config.Log.Warn("WeChat's answer quoted a credential of the account; the caller got *** in its place",
			"account", account, "path", path, "where", where, "status", x.ctx.Response.StatusCode(), "unsaid", unsaid)
	}
}

// isSecret reports whether word is a secret: a virtual token, a client's key, or one of
// the configuration's.
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

// maxEscapes is how often a word may be percent-encoded and is still recognized.
const maxEscapes = 3

// isSecretAsSent reports whether word, of a header, is a secret: plain, or
// percent-encoded.
func (p *Proxy) isSecretAsSent(word []byte) bool {
	for range maxEscapes {
		if p.isSecret(word) {
			return true
		}
		if bytes.IndexByte(word, '%') < 0 {
			return false
		}
		plain, err := url.PathUnescape(string(word))
		if err != nil {
			return false
		}
		word = []byte(plain)
	}
	return p.isSecret(word)
}

// loggedPath returns path in the form that a log may show, without secrets.
func (p *Proxy) loggedPath(path []byte) string { return logged.Path(path, p.isSecret) }

// errMisplacedSecret refuses a query that would give WeChat a secret that is not meant for
// it.
var errMisplacedSecret = refuse(badRequest, `the query would carry a key, an AppSecret or a token of this proxy's to WeChat; `+
	`send a client's key as "Authorization: Bearer KEY", and leave the rest out: the proxy adds it where WeChat wants it`)

// carriesSecret reports whether a parameter that reaches WeChat has the name of a
// credential and holds one. It runs after the caller is known, as checkRest does.
func (p *Proxy) carriesSecret(x *exchange) bool {
	if !x.last.hasCredentialName || x.route.traits.hasNoBody {
		return false
	}
	removed := x.route.class.removes(x.kind.Table)
	for name, value := range target.Parts(x.target.Query) {
		if target.IsCredentialName(name) && !target.IsNamedAny(name, removed) && p.holdsSecret(value) {
			return true
		}
	}
	return false
}

// holdsSecret reports whether one of the words of a parameter's value is a secret.
func (p *Proxy) holdsSecret(value []byte) bool {
	if plain, err := url.QueryUnescape(string(value)); err == nil {
		value = []byte(plain)
	}
	for word := range bytes.FieldsSeq(value) {
		if p.isSecret(word) {
			return true
		}
	}
	return false
}

// maxLoggedHost is how long the name of a host can be.
const maxLoggedHost = 255

// loggedHost returns the host that a caller sent, in the form that a log may show.
func (p *Proxy) loggedHost(host []byte) string {
	host = host[:min(len(host), maxLoggedHost)]
	return strings.Map(maskInvisible, p.loggedPath(host))
}

// maskInvisible returns c, or a question mark if no host can have c.
func maskInvisible(c rune) rune {
	if secret.Invisible(c) {
		return '?'
	}
	return c
}
