package front

import (
	"bufio"
	"errors"
	"net"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/buffer"
	"wxproxy/proxy/internal/socket"
	"wxproxy/proxy/internal/wire"
)

// A seat is what it takes to answer a request. A connection has one only while it
// has a request, so that ten thousand that rest are cheap.
type seat struct {
	net.Conn  // the caller's
	caller    *Conn
	ctx       fasthttp.RequestCtx
	in        *bufio.Reader
	scratches *buffer.Pool
	raw       wire.Head // of the answer, if it has one

	// Kept is what the Handler keeps here from one request to the next; nil before
	// the first one.
	Kept any

	atOnce bool // Read does not wait
	dry    bool // and there was nothing
	full   bool // there may be more
}

func newSeat(answers *buffer.Pool) *seat {
	s := &seat{scratches: answers, raw: wire.NewHead(answers)}
	s.in = bufio.NewReaderSize(s, headerSize)
	s.ctx.Init2(s, nil, false)
	return s
}

// Read reads what the caller sent.
func (s *seat) Read(p []byte) (int, error) {
	if !s.atOnce {
		return s.caller.Read(p)
	}
	n, err := s.caller.direct.TryRead(p)
	s.full, s.dry = n == len(p), errors.Is(err, socket.ErrEmpty)
	if err == nil {
		s.caller.note(n)
	}
	return n, err
}

// RequestOf returns what a request came with, nil if fasthttp's server has read it.
func RequestOf(ctx *fasthttp.RequestCtx) *seat {
	s, _ := ctx.Conn().(*seat)
	return s
}

// Head returns the head of the request's answer, which is there once WeChat has
// given one that can be passed on as it is.
func (s *seat) Head() *wire.Head { return &s.raw }
