package upstream

import (
	"net"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/wire"
)

// A Message is a request as WeChat shall read it, but for its Host line: that
// belongs to the host which the request is sent to.
type Message struct {
	Method []byte
	Target []byte     // raw path and query
	Fields []byte     // header lines, CRLF behind each
	Body   *body.Body // nil: none

	Head *wire.Head // where the head of the answer is left if it is an ordinary one; nil: in the Response it is

	Caller       net.Conn // looked at after a wait, in case nobody is there any more; nil: unknown
	KnowsInterim bool     // an interim answer can be written to it
}

// IsRepeatable reports whether sending m twice has no other effect than once.
func (m *Message) IsRepeatable() bool { return m.isHead() || string(m.Method) == "GET" }

// isAlone reports whether m needs a connection that nothing else is sent over: a
// body means nothing with most methods, and who does not read it would take it for
// the next request.
func (m *Message) isAlone() bool {
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
	if m.isAlone() {
		return reuseNone
	}
	if m.IsRepeatable() {
		return reuseAny
	}
	return reuseProven
}

func (m *Message) isHead() bool { return string(m.Method) == "HEAD" }
