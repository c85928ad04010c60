package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/wire"
	"wxproxy/proxy/upstream"
)

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
	least := x.account.filter.leastBytes()
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
