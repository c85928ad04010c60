package wire

import (
	"strconv"

	"github.com/valyala/fasthttp"
)

// EndsConnection reports whether the header of an answer says that the connection ends
// after it. fasthttp recognizes "close" only if that is the whole value.
func EndsConnection(h *fasthttp.ResponseHeader) bool {
	for name, value := range h.All() {
		if IsFold(name, "connection") && Listed(value, []byte("close")) {
			return true
		}
	}
	return false
}

// MayHaveBody reports whether an answer with that status has a body, which may be empty.
func MayHaveBody(status int) bool {
	return status != fasthttp.StatusNoContent && status != fasthttp.StatusNotModified
}

// AppendStatusLine appends the first line of h to dst.
func AppendStatusLine(dst []byte, h *fasthttp.ResponseHeader) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = append(strconv.AppendInt(dst, int64(h.StatusCode()), 10), ' ')
	if message := h.StatusMessage(); len(message) > 0 {
		dst = append(dst, message...)
	} else {
		dst = append(dst, fasthttp.StatusMessage(h.StatusCode())...)
	}
	return append(dst, "\r\n"...)
}

// AppendHeader appends the lines of h to dst, and the empty line that ends them.
func AppendHeader(dst []byte, h *fasthttp.ResponseHeader) []byte {
	for name, value := range h.All() {
		dst = append(append(append(append(dst, name...), ": "...), value...), "\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// EndsWithConnection reports whether the answer ends where its connection does, because
// nothing else says how long it is.
func EndsWithConnection(resp *fasthttp.Response) bool {
	return resp.IsBodyStream() && resp.Header.ContentLength() == NoLength
}
