package proxy

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/logged"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/internal/wire"
	"wxproxy/proxy/upstream"
)

// credentials returns the credentials that the answer must not hold.
func (x *exchange) credentials() []string {
	x.values = append(x.values[:0], x.sent)
	if x.holder().Known != nil {
		x.values = x.holder().Known(x.values)
	}
	x.values = slices.DeleteFunc(x.values, func(value string) bool { return len(value) < secret.Shortest })
	return x.values
}

// isQuoted reports whether text, which is a part of an answer, holds a credential.
func (x *exchange) isQuoted(text []byte) bool {
	if !x.holder().filter.MayHold(text) {
		return false
	}
	_, found := x.searcher.Replace(text, logged.Masked, x.credentials())
	return found
}

// redactRaw redacts a header that is passed on in WeChat's own bytes.
func (p *Proxy) redactRaw(x *exchange) {
	head := x.message.Head
	if x.holder().filter.MayHold(head.Lines()) {
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
		p.config.Log.Warn(x.kind.Table.Name+"'s answer quoted a credential of the account; the caller got *** in its place", //nolint:sloglint // it is constant for each kind
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

// loggedPath returns path in the form that a log may show, without secrets: that of a
// documented API, whose words may be long, as it is.
func (p *Proxy) loggedPath(path []byte) string {
	if slices.ContainsFunc(p.kinds, func(k *kind) bool { return k.apis.IsDocumented(path) }) {
		return string(path)
	}
	return logged.Path(path, p.isSecret)
}

// errAnswerOptions is the error of an answer whose Connection names so many headers that
// to compare each line with them would take long.
var errAnswerOptions = errors.New("the answer's Connection names too much")

// filterHeader removes from the header of WeChat's answer the hop-by-hop headers, those
// that only the proxy may add, lines that are no header, and credentials.
func (p *Proxy) filterHeader(x *exchange) error {
	h := &x.ctx.Response.Header
	if err := x.fields.readConnection(h); err != nil {
		return err
	}
	h.ResetConnectionClose()
	h.SetProtocol([]byte("HTTP/1.1")) // the version is the connection's, not the answer's
	h.SetNoDefaultContentType(true)   // WeChat's own, or none
	if !wire.IsValue(h.StatusMessage()) {
		h.SetStatusMessage(nil)
	}
	if x.passesUnchanged(h) {
		return nil
	}
	text := append(x.fields.appendPassedOn(wire.AppendStatusLine(nil, h), h), "\r\n"...)
	return replaceHeader(h, p.redactHead(x, text))
}

// readConnection reads which headers the answer's Connection declares to be hop-by-hop.
func (f *fields) readConnection(h *fasthttp.ResponseHeader) error {
	f.connection = f.connection[:0]
	for name, value := range h.All() {
		if wire.IsFold(name, "connection") {
			f.connection = append(append(f.connection, value...), ',')
		}
	}
	if bytes.Count(f.connection, []byte(",")) > maxOptions {
		return fmt.Errorf("%w: %w", upstream.ErrBroken, errAnswerOptions)
	}
	return nil
}

// passesUnchanged reports whether all lines may be passed on as they are. It searches
// only the names and values that are long enough to hold a credential.
func (x *exchange) passesUnchanged(h *fasthttp.ResponseHeader) bool {
	least := x.holder().filter.Least()
	for name, value := range h.All() {
		if !x.fields.belongs(name) || len(value) >= least && x.isQuoted(value) || len(name) >= least && x.isQuoted(name) {
			return false
		}
	}
	return len(h.StatusMessage()) < least || !x.isQuoted(h.StatusMessage())
}

// appendPassedOn appends the lines that may be passed on to dst.
func (f *fields) appendPassedOn(dst []byte, h *fasthttp.ResponseHeader) []byte {
	for name, value := range h.All() {
		if f.belongs(name) {
			dst = append(append(append(append(dst, name...), ": "...), value...), "\r\n"...)
		}
	}
	return dst
}

// replaceHeader replaces the header by the one in text. To parse all lines once more takes
// linear time and keeps their order; to delete lines one by one would do neither.
func replaceHeader(h *fasthttp.ResponseHeader, text []byte) error {
	length := h.ContentLength()
	if err := h.Read(bufio.NewReaderSize(bytes.NewReader(text), len(text))); err != nil {
		return upstream.ErrBroken // the error may quote the answer
	}
	h.ResetConnectionClose()
	if length == -1 {
		h.SetContentLength(-1)
		h.Del(fasthttp.HeaderTransferEncoding) // fasthttp adds it when it writes the answer
	}
	return nil
}

// belongs reports whether the header called name is passed on to the caller.
// Content-Length always is, even if Connection names it.
func (f *fields) belongs(name []byte) bool {
	headerKind := wire.KindOf(name)
	if headerKind == wire.KindContentLength {
		return true
	}
	return wire.IsName(name) && !headerKind.IsHopByHop() && !headerKind.IsOurs() && (!f.wantsRequestID || headerKind != wire.KindRequestID) && !wire.Listed(f.connection, name)
}
