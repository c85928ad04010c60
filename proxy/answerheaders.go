package proxy

import "github.com/valyala/fasthttp"

// cleanResponse removes from WeChat's answer what was meant for the proxy's own
// connection to WeChat, what only the proxy may say, and what is no header.
func (f *fields) cleanResponse(h *fasthttp.ResponseHeader) {
	f.connection = f.connection[:0]
	for name, value := range h.All() {
		if isFold(name, "connection") {
			f.connection = append(append(f.connection, value...), ',')
		}
	}
	h.ResetConnectionClose()
	h.SetProtocol([]byte("HTTP/1.1")) // the version is the connection's, not the answer's
	if !isValue(h.StatusMessage()) {
		h.SetStatusMessage(nil)
	}
	f.dropped = f.dropped[:0]
	for name := range h.All() {
		if !f.belongs(name) {
			f.dropped = append(f.dropped, name)
		}
	}
	if len(f.dropped) == 0 {
		return
	}
	repeated := f.repeated(h)
	for _, name := range f.dropped {
		h.DelBytes(name)
	}
	for _, line := range repeated {
		h.Del(line.name)
	}
	for _, line := range repeated {
		h.Add(line.name, line.value)
	}
}

// A header is one line of an answer's header.
type header struct{ name, value string }

// repeated returns the headers that belong to the answer and have more than one
// line each: fasthttp deletes a header by moving the last one into the gap, and
// the order of lines of one name means something.
func (f *fields) repeated(h *fasthttp.ResponseHeader) (headers []header) {
	for name, value := range h.All() {
		lines := 0
		for other := range h.All() {
			if equalFold(other, name) {
				lines++
			}
		}
		if lines > 1 && f.belongs(name) && !isFold(name, "set-cookie") { // fasthttp keeps cookies in order
			headers = append(headers, header{string(name), string(value)})
		}
	}
	return headers
}

// belongs reports whether the header called name is a part of WeChat's answer.
// Content-Length always is, even if Connection names it.
func (f *fields) belongs(name []byte) bool {
	kind := kindOf(name)
	if kind == kindContentLength {
		return true
	}
	return isName(name) && !kind.isHopByHop() && !kind.isOurs() && (!f.identifies || kind != kindRequestID) && !listed(f.connection, name)
}

// endsConnection reports whether a header says that the connection ends behind it.
// fasthttp recognizes no other spelling of that than "close" alone.
func endsConnection(h *fasthttp.ResponseHeader) bool {
	for name, value := range h.All() {
		if isFold(name, "connection") && listed(value, []byte("close")) {
			return true
		}
	}
	return false
}
