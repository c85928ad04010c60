package front

import (
	"bufio"
	"net"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/buffer"
	"wxproxy/proxy/internal/wire"
)

// A Request is what it takes to read and to answer a request. A connection has one only
// while it has a request, so that ten thousand idle connections are cheap; another one
// uses it then.
type Request struct {
	net.Conn   // the caller's
	caller     *Conn
	ctx        fasthttp.RequestCtx
	in         *bufio.Reader
	buffers    *buffer.Pool // for the answer
	answerHead wire.Head    // in WeChat's own bytes, if it has one

	// Kept is what the Handler keeps here from one request to the next; nil before
	// the first one.
	Kept any

	nonblocking bool // Read returns socket.ErrEmpty instead of waiting
	filled      bool // such a Read got as much as there was room for: there may be more
}

func newRequest(buffers *buffer.Pool) *Request {
	r := &Request{buffers: buffers, answerHead: wire.NewHead(buffers)}
	r.in = bufio.NewReaderSize(r, headerSize)
	r.ctx.Init2(r, nil, false)
	return r
}

// Read reads what the caller sent.
func (r *Request) Read(p []byte) (int, error) {
	if !r.nonblocking {
		return r.caller.Read(p)
	}
	n, err := r.caller.direct.TryRead(p)
	r.filled = n == len(p)
	if err == nil {
		r.caller.noteRead(n)
	}
	return n, err
}

// RequestOf returns what a request came with, nil if fasthttp's server has read it.
func RequestOf(ctx *fasthttp.RequestCtx) *Request {
	r, _ := ctx.Conn().(*Request)
	return r
}

// Head returns the head of the request's answer, which is there once WeChat has
// given one that can be passed on as it is.
func (r *Request) Head() *wire.Head { return &r.answerHead }
