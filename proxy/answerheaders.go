package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/body"
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

// maxBuffered is how long an answer may be that is read as a whole before it is passed on.
const maxBuffered = 16 << 20

// bufferAnswer reads the whole body of an answer to HTTP/1.0, so that the answer has a
// Content-Length: without one, a caller that speaks HTTP/1.0, as nginx does to its
// upstreams, cannot tell a complete answer from one that was cut. It returns false if the
// body is too long or there is no room for it: then the body streams until the connection
// ends, and the connection is reset if the answer is cut.
func (p *Proxy) bufferAnswer(resp *fasthttp.Response) (complete bool, err error) {
	whole := body.NewAnswer(p.door.bodies)
	err = whole.Fill(resp.BodyStream(), maxBuffered)
	s := upstream.StreamOf(resp)
	switch {
	case err == nil:
		resp.SetBodyStream(&bufferedAnswer{whole.Reader(), whole}, int(whole.Len()))
		return true, nil
	case s != nil && (errors.Is(err, body.ErrNoRoom) || errors.Is(err, body.ErrTooLarge)):
		s.PutBack(&bufferedAnswer{whole.Reader(), whole})
		resp.Header.Del(fasthttp.HeaderTransferEncoding)
		resp.Header.SetContentLength(wire.NoLength)
		return false, nil
	}
	whole.Release()
	return false, fmt.Errorf("%w: %w", upstream.ErrBroken, err)
}

// bufferedAnswer is a stream that gives the Body that it reads from back when it is closed.
type bufferedAnswer struct {
	io.Reader
	body *body.Body
}

// Close gives the body back.
func (k *bufferedAnswer) Close() error {
	k.body.Release()
	return nil
}
