// Package wire knows the bytes of HTTP, for both sides of the proxy: kinds of headers,
// what a field may hold, and the head of an answer.
package wire

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/buffer"
)

// A Head is the head of an answer, which exists in one of two forms: raw, in WeChat's
// own bytes, which the Head keeps, or parsed, in the fasthttp.Response; IsRaw tells
// which. The raw form holds the status line and the end-to-end header lines, without
// those that say how long the body is. Parsing a head and writing it again, as fasthttp
// does, costs as much as half of the proxy's own work, so upstream leaves an ordinary
// head raw, and front adds the lines that are missing.
//
// A nil *Head is one that is always parsed.
type Head struct {
	lines   *buffer.Buffer // nil: the head is parsed
	buffers *buffer.Pool
	closes  bool // WeChat closes the connection after the answer
	dropsID bool // WeChat's X-Request-Id is left out, for the proxy adds its own

	status int
	length int // of the body; -1: chunked
}

// NewHead returns a Head that takes the buffers of its raw form from buffers.
func NewHead(buffers *buffer.Pool) Head { return Head{buffers: buffers} }

// Begin makes h ready for the answer to another request. dropsID says that WeChat's
// X-Request-Id is left out, because the proxy adds its own.
func (h *Head) Begin(dropsID bool) {
	h.dropsID = dropsID
	h.Reset()
}

// NoLength is the length of a body that ends with its connection, as fasthttp has it.
const NoLength = -2

// Read takes the head that b begins with, which is raw from then on, and returns its
// length. It returns 0 if b holds no complete head, or one that is unusual in any way:
// fasthttp is to read that one.
func (h *Head) Read(b []byte) int {
	h.Reset()
	h.lines, h.closes, h.length = h.buffers.Take(), false, NoLength
	n := h.readStatus(b)
	for next := n; next > 0; n += next {
		if bytes.HasPrefix(b[n:], []byte("\r\n")) && h.length != NoLength {
			return n + len("\r\n")
		}
		next = h.readLine(b[n:])
	}
	h.Reset()
	return 0
}

// readStatus reads the first line, "HTTP/1.1 200 OK", and returns its length. It
// returns 0 if the line is anything else, or the status allows no body.
func (h *Head) readStatus(b []byte) int {
	const version = "HTTP/1.1 "
	if len(b) < len(version)+len("200 \r\n") || string(b[:len(version)]) != version || b[len(version)+3] != ' ' {
		return 0
	}
	h.status = 0
	for _, digit := range b[len(version) : len(version)+3] {
		if digit < '0' || digit > '9' {
			return 0
		}
		h.status = 10*h.status + int(digit-'0')
	}
	end := controlAt(b)
	if h.status < fasthttp.StatusOK || !MayHaveBody(h.status) || !bytes.HasPrefix(b[end:], []byte("\r\n")) {
		return 0
	}
	end += len("\r\n")
	h.lines.Bytes = append(h.lines.Bytes, b[:end]...)
	return end
}

// readLine reads a header line and returns its length. It returns 0 if the line makes
// the head unusual.
func (h *Head) readLine(b []byte) int {
	var name FieldName
	colon, end, ok := cutField(b, &name)
	if !ok {
		return 0
	}
	line, kind := b[:end+len("\r\n")], name.Kind(colon)
	switch value := b[colon+1 : end]; kind {
	case KindContentLength:
		ok = h.readLength(trimOWS(value))
	case KindConnection:
		ok = h.readConnection(trimOWS(value))
	case KindContentEncoding:
		ok = false
	case KindTransferEncoding:
		ok = h.length == NoLength && IsFold(trimOWS(value), "chunked")
		h.length = -1
	default:
		if !kind.IsHopByHop() && !kind.IsOurs() && (!h.dropsID || kind != KindRequestID) {
			h.lines.Bytes = append(h.lines.Bytes, line...)
		}
	}
	if !ok {
		return 0
	}
	return len(line)
}

// readConnection reads the value of Connection, and reports whether it is an ordinary
// one.
func (h *Head) readConnection(option []byte) bool {
	ends := IsFold(option, "close")
	h.closes = h.closes || ends
	return ends || IsFold(option, "keep-alive")
}

// readLength reads the value of Content-Length, and reports whether it is a number and
// the first that says how long the body is.
func (h *Head) readLength(digits []byte) bool {
	if h.length != NoLength || len(digits) == 0 || len(digits) > len("999999999999") {
		return false
	}
	h.length = 0
	for _, digit := range digits {
		if digit < '0' || digit > '9' {
			return false
		}
		h.length = 10*h.length + int(digit-'0')
	}
	return true
}

// Add adds a header line of the proxy's own to a raw head.
func (h *Head) Add(name, value string) {
	h.lines.Bytes = append(append(append(append(h.lines.Bytes, name...), ": "...), value...), "\r\n"...)
}

// Reset drops a raw head: what the Response says counts then.
func (h *Head) Reset() {
	if lines := h.Take(); lines != nil {
		h.buffers.Give(lines)
	}
}

// EndsConnection reports whether WeChat closes the connection after its answer. parsed
// is the header of the answer's Response.
func (h *Head) EndsConnection(parsed *fasthttp.ResponseHeader) bool {
	if h.IsRaw() {
		return h.closes
	}
	return EndsConnection(parsed)
}

// Take returns the buffer with a raw head and leaves it to the caller, who gives it
// back to the pool; it returns nil if the head is parsed.
func (h *Head) Take() (lines *buffer.Buffer) {
	if h != nil {
		lines, h.lines = h.lines, nil
	}
	return lines
}

// IsRaw reports whether the head is here, in WeChat's own bytes. Otherwise it is
// parsed and in the Response, or there is none yet.
func (h *Head) IsRaw() bool { return h != nil && h.lines != nil }

// Lines returns the bytes of a raw head.
func (h *Head) Lines() []byte { return h.lines.Bytes }

// SetLines replaces the bytes of a raw head by a copy of lines.
func (h *Head) SetLines(lines []byte) { h.lines.Bytes = append(h.lines.Bytes[:0], lines...) }

// CopyTo sets the status and the body's length of resp to those of a raw head.
func (h *Head) CopyTo(resp *fasthttp.Response) {
	resp.SetStatusCode(h.status)
	resp.Header.SetContentLength(h.length)
}
