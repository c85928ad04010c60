package proxy

import (
	"bytes"
	"crypto/rand"

	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/wire"
)

// requestID is the header that identifies a request at the caller, at the proxy and at
// WeChat.
const requestID = "X-Request-Id"

// maxRequestID is how long an id may be that a caller sends.
const maxRequestID = 128

// readID takes what may be the request's id.
func (f *fields) readID(value []byte) {
	if f.wantsRequestID {
		f.ids, f.id = f.ids+1, value
		f.secretID = f.secretID || f.isSecret != nil && f.isSecret(value)
	}
}

// setRequestID keeps the caller's id of the request if it is a good one, or makes one and
// adds it to the header that WeChat will read.
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

// isID reports whether the header called name is the request's id, if requests have one.
func (f *fields) isID(name []byte) bool { return f.wantsRequestID && wire.IsFold(name, "x-request-id") }

// hasGoodID reports whether the caller sent exactly one id, and one that can be passed on
// and logged: printable ASCII that is no secret.
func (f *fields) hasGoodID() bool {
	return f.ids == 1 && !bytes.ContainsFunc(f.id, secret.Invisible) && !f.secretID && 0 < len(f.id) && len(f.id) <= maxRequestID && !wire.Listed(f.connection, []byte(requestID))
}

// answerRequestID adds the id to the answer. A request that could not be read gets its id
// here.
func (x *exchange) answerRequestID() {
	if !x.fields.wantsRequestID {
		return
	}
	if x.requestID == "" {
		x.requestID = rand.Text()
	}
	x.ctx.Response.Header.Set(requestID, x.requestID)
}
