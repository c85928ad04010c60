package proxy

import (
	"bufio"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/valyala/fasthttp"
)

// A seat is what it takes to answer a request. A connection has one only while it
// has a request, so that ten thousand that rest are cheap.
type seat struct {
	net.Conn  // the caller's
	caller    *callerConn
	ctx       fasthttp.RequestCtx
	in        *bufio.Reader
	scratches *scratches
	raw       rawAnswer // of the answer, if it has one
	exchange  *exchange // nil before the first request

	fd     uintptr
	atOnce bool // Read does not wait
	dry    bool // and there was nothing
	full   bool // there may be more
}

// errDry says that Read would have to wait.
var errDry = errors.New("nothing to read yet")

func newSeat(answers *scratches) *seat {
	s := &seat{scratches: answers, raw: rawAnswer{spare: answers}}
	s.in = bufio.NewReaderSize(s, headerSize)
	s.ctx.Init2(s, nil, false)
	return s
}

// Read reads what the caller sent.
func (s *seat) Read(p []byte) (int, error) {
	if !s.atOnce {
		return s.caller.Read(p)
	}
	n, errno := readNow(s.fd, p)
	s.full = n == len(p)
	switch {
	case errno == syscall.EAGAIN:
		s.dry = true
		return 0, errDry
	case errno != 0:
		return 0, s.caller.direct.failed("read", errno)
	case n == 0:
		return 0, io.EOF
	}
	s.caller.note(n)
	return n, nil
}
