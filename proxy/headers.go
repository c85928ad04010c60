package proxy

import (
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"
)

// Reasons to refuse a request's header. They go to the caller and quote nothing.
var (
	errHeaderLine    = errors.New("the header holds a line that HTTP does not allow")
	errHeaderFraming = errors.New("the header holds both Content-Length and Transfer-Encoding, or a Transfer-Encoding other than chunked")
)

// fields is what the proxy read in a caller's header lines.
type fields struct {
	connection []byte // the values of Connection, a comma behind each
	length     bool   // Content-Length was there
	encoding   bool   // Transfer-Encoding was there
	close      bool   // the caller's connection ends with this request
}

// appendEndToEnd appends those of the caller's raw header lines that are meant
// for WeChat to dst, byte for byte. Left out are the hop-by-hop headers, those
// that Connection names, those addressed to the proxy, and the ones that the
// proxy writes itself: Host and Content-Length.
func (f *fields) appendEndToEnd(dst, raw []byte) ([]byte, error) {
	f.connection, f.length, f.encoding, f.close = f.connection[:0], false, false, false
	if err := f.read(raw); err != nil {
		return dst, err
	}
	for len(raw) > len("\r\n") {
		end := bytes.IndexByte(raw, '\n') + 1
		line := raw[:end]
		raw = raw[end:]
		name := line[:bytes.IndexByte(line, ':')]
		if isHopByHop(name) || isForProxy(name) || listed(f.connection, name) {
			continue
		}
		dst = append(dst, line...)
	}
	return dst, nil
}

// read checks every line of a header block and notes what frames the request.
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
		line := raw[:end-1]
		raw = raw[end+1:]
		colon := bytes.IndexByte(line, ':')
		switch name := line[:colon]; {
		case isFold(name, "connection"):
			f.connection = append(append(f.connection, line[colon+1:]...), ',')
		case isFold(name, "content-length"):
			f.length = true
		case isFold(name, "transfer-encoding"):
			f.encoding = true
			if !isFold(bytes.TrimSpace(line[colon+1:]), "chunked") {
				return errHeaderFraming
			}
		}
	}
	f.close = listed(f.connection, []byte("close"))
	if f.length && f.encoding {
		return errHeaderFraming
	}
	return nil
}

// isHeaderLine reports whether line is a token, a colon and a value without
// control bytes (RFC 9112, section 5). A folded line is not one.
func isHeaderLine(line []byte) bool {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return false
	}
	for _, c := range line[:colon] {
		if !isTokenByte(c) {
			return false
		}
	}
	for _, c := range line[colon+1:] {
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

// isHopByHop reports whether a header ends at the next hop (RFC 9110, 7.6.1) or
// is about the transfer to it, in either direction.
func isHopByHop(name []byte) bool {
	for _, hop := range hopByHop {
		if isFold(name, hop) {
			return true
		}
	}
	return false
}

var hopByHop = []string{
	"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization",
	"te", "trailer", "transfer-encoding", "upgrade",
}

// isForProxy reports whether a request header is for the proxy, or is written
// by it. A caller's Authorization is its key here and must not reach WeChat,
// whose server API has no use for that header.
func isForProxy(name []byte) bool {
	switch lower(name[0]) {
	case 'a':
		return isFold(name, "accept-encoding") || isFold(name, "authorization")
	case 'c':
		return isFold(name, "content-length")
	case 'e':
		return isFold(name, "expect")
	case 'h':
		return isFold(name, "host")
	}
	return isOurs(name)
}

// isOurs reports whether name begins with "Wxproxy-".
func isOurs(name []byte) bool {
	const prefix = "wxproxy-"
	return len(name) >= len(prefix) && isFold(name[:len(prefix)], prefix)
}

// listed reports whether the comma-separated list holds name.
func listed(list, name []byte) bool {
	for len(list) > 0 {
		var item []byte
		item, list, _ = bytes.Cut(list, []byte(","))
		if bytes.EqualFold(bytes.TrimSpace(item), name) {
			return true
		}
	}
	return false
}

// cleanResponse removes from WeChat's answer what was meant for the proxy's own
// connection to WeChat, and what only the proxy may say.
func (f *fields) cleanResponse(h *fasthttp.ResponseHeader) {
	f.connection = f.connection[:0]
	for name, value := range h.All() {
		if isFold(name, "connection") {
			f.connection = append(append(f.connection, value...), ',')
		}
	}
	h.ResetConnectionClose()
	h.SetProtocol([]byte("HTTP/1.1")) // the version is the connection's, not the answer's
	for f.deleteOne(h) {
	}
}

// deleteOne deletes the first header that does not belong to the answer. It
// reports false when there is none.
func (f *fields) deleteOne(h *fasthttp.ResponseHeader) bool {
	for name := range h.All() {
		if isHopByHop(name) || isOurs(name) || listed(f.connection, name) {
			h.DelBytes(name)
			return true
		}
	}
	return false
}

// endsConnection reports whether WeChat closes the connection behind its answer.
// fasthttp recognizes no other spelling of the header than "close" alone.
func endsConnection(h *fasthttp.ResponseHeader) bool {
	for name, value := range h.All() {
		if isFold(name, "connection") && listed(value, []byte("close")) {
			return true
		}
	}
	return false
}
