package proxy

import (
	"bytes"
	"errors"
)

// Reasons to refuse a request's header. They go to the caller and quote nothing.
var (
	errHeaderLine    = errors.New("the header holds a line that HTTP does not allow")
	errHeaderFraming = errors.New("the header holds both Content-Length and Transfer-Encoding, or a Transfer-Encoding other than chunked")
	errHeaderHost    = errors.New("the header holds a Host that is none")
	errHeaderOptions = errors.New("the header's Connection names too much")
)

// maxOptions is how many headers Connection may name. Each line of the header is
// compared with each of them, so it bounds what a header of 16 KiB costs.
const maxOptions = 32

// fields is what the proxy read in a caller's header lines.
type fields struct {
	connection []byte   // the values of Connection, a comma behind each
	account    []byte   // the value of Wxproxy-Account, within the raw lines
	dropped    [][]byte // names of the answer's headers that end here
	length     bool     // Content-Length was there
	encoding   bool     // Transfer-Encoding was there
	close      bool     // the caller's connection ends with this request

	identifies bool   // every request has an X-Request-Id
	ids        int    // how many the caller sent
	id         []byte // the last one, within the raw lines
}

// appendEndToEnd appends those of the caller's raw header lines that are meant
// for WeChat to dst, byte for byte. Left out are the hop-by-hop headers, those
// that Connection names, those addressed to the proxy, and the ones that the
// proxy writes itself: Host and Content-Length.
func (f *fields) appendEndToEnd(dst, raw []byte) ([]byte, error) {
	*f = fields{connection: f.connection[:0], dropped: f.dropped[:0], identifies: f.identifies}
	if err := f.read(raw); err != nil {
		return dst, err
	}
	replacesID := f.identifies && !f.hasGoodID()
	for len(raw) > len("\r\n") {
		end := bytes.IndexByte(raw, '\n') + 1
		line := raw[:end]
		raw = raw[end:]
		name := line[:bytes.IndexByte(line, ':')]
		if isHopByHop(name) || isForProxy(name) || listed(f.connection, name) || replacesID && f.isID(name) {
			continue
		}
		dst = append(dst, line...)
	}
	return dst, nil
}

// read checks every line of a header block and notes what the proxy needs of it.
// fasthttp tolerates more than HTTP allows; what it tolerates could be
// understood differently behind the proxy.
func (f *fields) read(raw []byte) error {
	if len(raw) == 0 {
		return nil // HTTP/1.0 needs no line at all
	}
	for !bytes.Equal(raw, []byte("\r\n")) {
		end := bytes.IndexByte(raw, '\n')
		if end < 1 || raw[end-1] != '\r' || !isHeaderLine(raw[:end-1]) {
			return errHeaderLine
		}
		name, value, _ := bytes.Cut(raw[:end-1], []byte(":"))
		raw = raw[end+1:]
		if err := f.note(name, trimSpace(value)); err != nil {
			return err
		}
	}
	if f.length && f.encoding {
		return errHeaderFraming
	}
	if bytes.Count(f.connection, []byte(",")) > maxOptions {
		return errHeaderOptions
	}
	// Where a body in parts ends is for fasthttp to say, which takes a bare line
	// feed for the end and folded lines for trailers. Nothing that follows such a
	// body is read.
	f.close = f.encoding || listed(f.connection, []byte("close"))
	return nil
}

// note takes what the proxy needs from a header.
func (f *fields) note(name, value []byte) error {
	switch lower(name[0]) {
	case 'c':
		if isFold(name, "connection") {
			f.connection = append(append(f.connection, value...), ',')
		}
		f.length = f.length || isFold(name, "content-length")
	case 'h':
		if isFold(name, "host") && !isHost(value) {
			return errHeaderHost
		}
	case 't':
		if isFold(name, "transfer-encoding") {
			f.encoding = true
			if !isFold(value, "chunked") {
				return errHeaderFraming
			}
		}
	case 'w':
		if f.account == nil && isFold(name, "wxproxy-account") {
			f.account = value
		}
	case 'x':
		if f.isID(name) {
			f.ids, f.id = f.ids+1, value
		}
	}
	return nil
}

// isHost reports whether value can be a host and a port (RFC 3986, 3.2.2).
func isHost(value []byte) bool {
	host, port := value, value[len(value):]
	if end := bytes.LastIndexByte(value, ']'); end >= 0 && value[0] == '[' {
		host, port = value[1:end], value[end+1:]
	} else if colon := bytes.IndexByte(value, ':'); colon >= 0 {
		host, port = value[:colon], value[colon:]
	}
	for _, c := range host {
		if c <= ' ' || c >= 0x7f || bytes.IndexByte([]byte("@/\\?#\"<>^`{|}[]"), c) >= 0 {
			return false
		}
	}
	for i, c := range port {
		if i == 0 && c != ':' || i > 0 && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// isHeaderLine reports whether line is a token, a colon and a value without
// control bytes (RFC 9112, section 5). A folded line is not one.
func isHeaderLine(line []byte) bool {
	name, value, colon := bytes.Cut(line, []byte(":"))
	return colon && isName(name) && isValue(value)
}

func isName(name []byte) bool {
	for _, c := range name {
		if !isTokenByte(c) {
			return false
		}
	}
	return len(name) > 0
}

func isValue(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isTokenByte reports whether c may stand in a header's name (RFC 9110, 5.6.2).
func isTokenByte(c byte) bool {
	return 'a' <= lower(c) && lower(c) <= 'z' || '0' <= c && c <= '9' || bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) >= 0
}

// trimSpace cuts off what HTTP takes for white space around a value, and no more.
func trimSpace(value []byte) []byte {
	for len(value) > 0 && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
	}
	for n := len(value); n > 0 && (value[n-1] == ' ' || value[n-1] == '\t'); n-- {
		value = value[:n-1]
	}
	return value
}
