package proxy

import (
	"bytes"
	"crypto/rand"
	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/wire"
)

// requestID is the header by which a caller, the proxy and WeChat speak of the
// same request.
const requestID = "X-Request-Id"

// maxRequestID bounds a caller's.
const maxRequestID = 128

// readID takes what may be the request's id.
func (f *fields) readID(value []byte) {
	if f.wantsRequestID {
		f.ids, f.id = f.ids+1, value
		f.secretID = f.secretID || f.isSecret != nil && f.isSecret(value)
	}
}

// setRequestID takes the caller's id for the request, or makes one and adds it to
// what WeChat will read.
func (x *exchange) setRequestID() {
	switch m := &x.message; {
	case !x.fields.wantsRequestID:
	case x.fields.hasGoodID():
		x.requestID = string(x.fields.id)
	default:
		x.requestID = rand.Text()
		m.Fields = append(append(append(m.Fields, requestID+": "...), x.requestID...), "\r\n"...)
	}
}

// isID reports whether the header called name is the request's id, and the proxy
// sees to that.
func (f *fields) isID(name []byte) bool { return f.wantsRequestID && wire.IsFold(name, "x-request-id") }

// hasGoodID reports whether the caller gave the request one id that can be
// passed on and logged: some printable ASCII, and no secret.
func (f *fields) hasGoodID() bool {
	return f.ids == 1 && !bytes.ContainsFunc(f.id, secret.Invisible) && !f.secretID && 0 < len(f.id) && len(f.id) <= maxRequestID && !wire.Listed(f.connection, []byte(requestID))
}

// answerRequestID tells the caller the id of its request, also of one that could not be
// read.
func (x *exchange) answerRequestID() {
	if !x.fields.wantsRequestID {
		return
	}
	if x.requestID == "" {
		x.requestID = rand.Text()
	}
	x.ctx.Response.Header.Set(requestID, x.requestID)
}
