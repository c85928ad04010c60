// Package wire has what both sides of the proxy know of the bytes of HTTP: kinds of
// headers, what a field may hold, and the head of an answer.
package wire

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/buffer"
)

// A Head is the head of an answer in WeChat's own bytes: the status line and
// the end-to-end header lines. Taking it apart and putting it together again, as
// fasthttp does, costs as much as half of the proxy's own work.
type Head struct {
	head    *buffer.Buffer // without the lines of the body's length; nil: the head is in the Response
	spare   *buffer.Pool
	closes  bool // WeChat closes the connection behind it
	dropsID bool // X-Request-Id is the proxy's

	status int
	length int // -1: chunked
}

// NewHead returns one whose head is put together in a buffer of spare.
func NewHead(spare *buffer.Pool) Head { return Head{spare: spare} }

// Begin makes ready for the answer to another request. dropsID says that the header
// X-Request-Id is the proxy's.
func (a *Head) Begin(dropsID bool) {
	a.dropsID = dropsID
	a.Reset()
}

// NoLength is a length that is not known.
const NoLength = -2

// Read takes the head that b begins with, and returns its length. It is 0 if there
// is none, or one that is out of the ordinary: that is for fasthttp to read.
func (a *Head) Read(b []byte) int {
	a.Reset()
	a.head, a.closes, a.length = a.spare.Take(), false, NoLength
	n := a.readStatus(b)
	for next := n; next > 0; n += next {
		if bytes.HasPrefix(b[n:], []byte("\r\n")) && a.length != NoLength {
			return n + len("\r\n")
		}
		next = a.readLine(b[n:])
	}
	a.Reset()
	return 0
}

// readStatus reads the first line, "HTTP/1.1 200 OK", and returns its length, 0 if
// it is none.
func (a *Head) readStatus(b []byte) int {
	const version = "HTTP/1.1 "
	if len(b) < len(version)+len("200 \r\n") || string(b[:len(version)]) != version || b[len(version)+3] != ' ' {
		return 0
	}
	a.status = 0
	for _, digit := range b[len(version) : len(version)+3] {
		if digit < '0' || digit > '9' {
			return 0
		}
		a.status = 10*a.status + int(digit-'0')
	}
	end := controlAt(b)
	if a.status < fasthttp.StatusOK || !MayHaveBody(a.status) || !bytes.HasPrefix(b[end:], []byte("\r\n")) {
		return 0
	}
	end += len("\r\n")
	a.head.Bytes = append(a.head.Bytes, b[:end]...)
	return end
}

// readLine reads a header line and returns its length, 0 if it is no ordinary one.
func (a *Head) readLine(b []byte) int {
	var name FieldName
	colon, end, ok := CutField(b, &name)
	if !ok {
		return 0
	}
	line, kind := b[:end+len("\r\n")], name.Kind(colon)
	switch value := b[colon+1 : end]; kind {
	case KindContentLength:
		ok = a.readLength(TrimSpace(value))
	case KindConnection:
		ok = a.readConnection(TrimSpace(value))
	case KindContentEncoding:
		ok = false
	case KindTransferEncoding:
		ok = a.length == NoLength && IsFold(TrimSpace(value), "chunked")
		a.length = -1
	default:
		if !kind.IsHopByHop() && !kind.IsOurs() && (!a.dropsID || kind != KindRequestID) {
			a.head.Bytes = append(a.head.Bytes, line...)
		}
	}
	if !ok {
		return 0
	}
	return len(line)
}

// readConnection reads what happens to the connection.
func (a *Head) readConnection(option []byte) bool {
	ends := IsFold(option, "close")
	a.closes = a.closes || ends
	return ends || IsFold(option, "keep-alive")
}

// readLength reads the one length that there may be.
func (a *Head) readLength(digits []byte) bool {
	if a.length != NoLength || len(digits) == 0 || len(digits) > len("999999999999") {
		return false
	}
	a.length = 0
	for _, digit := range digits {
		if digit < '0' || digit > '9' {
			return false
		}
		a.length = 10*a.length + int(digit-'0')
	}
	return true
}

// Add adds a header line of the proxy's.
func (a *Head) Add(name, value string) {
	a.head.Bytes = append(append(append(append(a.head.Bytes, name...), ": "...), value...), "\r\n"...)
}

// Reset makes the head one that is in the Response, if there is one at all.
func (a *Head) Reset() {
	if head := a.Lift(); head != nil {
		a.spare.Give(head)
	}
}

// EndsConnection reports whether WeChat closes the connection behind its answer.
func (a *Head) EndsConnection(h *fasthttp.ResponseHeader) bool {
	if a.IsEmpty() {
		return EndsConnection(h)
	}
	return a.closes
}

// Lift hands over the head, nil if it is in the Response.
func (a *Head) Lift() (head *buffer.Buffer) {
	if a != nil {
		head, a.head = a.head, nil
	}
	return head
}

// IsEmpty reports whether the head is in the Response.
func (a *Head) IsEmpty() bool { return a == nil || a.head == nil }

// Lines returns the head's bytes.
func (a *Head) Lines() []byte { return a.head.Bytes }

// SetLines makes a copy of lines the head's bytes.
func (a *Head) SetLines(lines []byte) { a.head.Bytes = append(a.head.Bytes[:0], lines...) }

// Announce has resp say what the head says of the status and the body's length.
func (a *Head) Announce(resp *fasthttp.Response) {
	resp.SetStatusCode(a.status)
	resp.Header.SetContentLength(a.length)
}
