package upstream

import (
	"net"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/wire"
)

// A Message is a request as WeChat shall read it, without the Host line, which depends on
// the host that the request is sent to.
type Message struct {
	Method []byte
	Target []byte     // raw path and query
	Fields []byte     // header lines, each with its CRLF
	Body   *body.Body // nil: none

	Head *wire.Head // takes the head of an ordinary answer, which stays raw; nil: every head is parsed

	Caller       net.Conn // the caller's connection, to find out after a wait whether it has left; nil: unknown
	KnowsInterim bool     // an interim answer can be written to Caller
}

// IsRepeatable reports whether sending m twice has no other effect than once.
func (m *Message) IsRepeatable() bool { return m.isHead() || string(m.Method) == "GET" }

// needsOwnConn reports whether m needs a connection that nothing else is sent over. A
// body means nothing with most methods, and a server that does not read it would take it
// for the next request.
func (m *Message) needsOwnConn() bool {
	if m.Body.Len() == 0 {
		return false
	}
	switch string(m.Method) {
	case fasthttp.MethodPost, fasthttp.MethodPut, fasthttp.MethodPatch:
		return false
	}
	return true
}

// reuse returns which idle connections m may be sent over.
func (m *Message) reuse() reuse {
	if m.needsOwnConn() {
		return reuseNone
	}
	if m.IsRepeatable() {
		return reuseAny
	}
	return reuseProven
}

func (m *Message) isHead() bool { return string(m.Method) == "HEAD" }
