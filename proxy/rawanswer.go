package proxy

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// A rawAnswer is the head of an answer in WeChat's own bytes: the status line and
// the end-to-end header lines. Taking it apart and putting it together again, as
// fasthttp does, costs as much as half of the proxy's own work.
type rawAnswer struct {
	head    *scratch // without the lines of the body's length; nil: the head is in the Response
	spare   *scratches
	closes  bool // WeChat closes the connection behind it
	dropsID bool // X-Request-Id is the proxy's

	status int
	length int // -1: chunked
}

// newRawAnswer returns one whose head is put together in a buffer of spare.
func newRawAnswer(spare *scratches) rawAnswer { return rawAnswer{spare: spare} }

// begin makes ready for the answer to another request. dropsID says that the header
// X-Request-Id is the proxy's.
func (a *rawAnswer) begin(dropsID bool) {
	a.dropsID = dropsID
	a.reset()
}

// noLength is a length that is not known.
const noLength = -2

// read takes the head that b begins with, and returns its length. It is 0 if there
// is none, or one that is out of the ordinary: that is for fasthttp to read.
func (a *rawAnswer) read(b []byte) int {
	a.reset()
	a.head, a.closes, a.length = a.spare.take(), false, noLength
	n := a.readStatus(b)
	for next := n; next > 0; n += next {
		if bytes.HasPrefix(b[n:], []byte("\r\n")) && a.length != noLength {
			return n + len("\r\n")
		}
		next = a.readLine(b[n:])
	}
	a.reset()
	return 0
}

// readStatus reads the first line, "HTTP/1.1 200 OK", and returns its length, 0 if
// it is none.
func (a *rawAnswer) readStatus(b []byte) int {
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
	if a.status < fasthttp.StatusOK || !mayHaveBody(a.status) || !bytes.HasPrefix(b[end:], []byte("\r\n")) {
		return 0
	}
	end += len("\r\n")
	a.head.bytes = append(a.head.bytes, b[:end]...)
	return end
}

// readLine reads a header line and returns its length, 0 if it is no ordinary one.
func (a *rawAnswer) readLine(b []byte) int {
	var name fieldName
	colon, end, ok := cutField(b, &name)
	if !ok {
		return 0
	}
	line, kind := b[:end+len("\r\n")], name.kind(colon)
	switch value := b[colon+1 : end]; kind {
	case kindContentLength:
		ok = a.readLength(trimSpace(value))
	case kindConnection:
		ok = a.readConnection(trimSpace(value))
	case kindContentEncoding:
		ok = false
	case kindTransferEncoding:
		ok = a.length == noLength && isFold(trimSpace(value), "chunked")
		a.length = -1
	default:
		if !kind.isHopByHop() && !kind.isOurs() && (!a.dropsID || kind != kindRequestID) {
			a.head.bytes = append(a.head.bytes, line...)
		}
	}
	if !ok {
		return 0
	}
	return len(line)
}

// readConnection reads what happens to the connection.
func (a *rawAnswer) readConnection(option []byte) bool {
	ends := isFold(option, "close")
	a.closes = a.closes || ends
	return ends || isFold(option, "keep-alive")
}

// readLength reads the one length that there may be.
func (a *rawAnswer) readLength(digits []byte) bool {
	if a.length != noLength || len(digits) == 0 || len(digits) > len("999999999999") {
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

// add adds a header line of the proxy's.
func (a *rawAnswer) add(name, value string) {
	a.head.bytes = append(append(append(append(a.head.bytes, name...), ": "...), value...), "\r\n"...)
}

// reset makes the head one that is in the Response, if there is one at all.
func (a *rawAnswer) reset() {
	if head := a.lift(); head != nil {
		a.spare.give(head)
	}
}

// endsConnection reports whether WeChat closes the connection behind its answer.
func (a *rawAnswer) endsConnection(h *fasthttp.ResponseHeader) bool {
	if a.isEmpty() {
		return endsConnection(h)
	}
	return a.closes
}

// lift hands over the head, nil if it is in the Response.
func (a *rawAnswer) lift() (head *scratch) {
	if a != nil {
		head, a.head = a.head, nil
	}
	return head
}

// isEmpty reports whether the head is in the Response.
func (a *rawAnswer) isEmpty() bool { return a == nil || a.head == nil }

// Lines returns the head's bytes.
func (a *rawAnswer) Lines() []byte { return a.head.bytes }

// SetLines makes a copy of lines the head's bytes.
func (a *rawAnswer) SetLines(lines []byte) { a.head.bytes = append(a.head.bytes[:0], lines...) }

// announce has resp say what the head says of the status and the body's length.
func (a *rawAnswer) announce(resp *fasthttp.Response) {
	resp.SetStatusCode(a.status)
	resp.Header.SetContentLength(a.length)
}
