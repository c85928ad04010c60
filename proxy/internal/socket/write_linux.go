package socket

import (
	"cmp"
	"errors"
	"syscall"
	"time"

	"wxproxy/proxy/internal/buffer"
)

// Write writes all of p, or has it join what is deferred.
func (s *Socket) Write(p []byte) (int, error) {
	if s.deferred != nil {
		s.deferred.Bytes = append(s.deferred.Bytes, p...)
		return len(p), nil
	}
	s.out = transfer{p: p}
	err := s.finishWrite()
	n := s.out.n
	s.out = transfer{}
	return n, err
}

// TryWrite writes as much of p as the kernel takes at once, and returns how much that
// was. Why it was not all is for Write to say.
func (s *Socket) TryWrite(p []byte) int {
	n, _ := writeNow(s.fd, p)
	return n
}

// finishWrite writes what is left of the bytes in out.
func (s *Socket) finishWrite() error {
	s.waitedAt = -1
	err := s.raw.Write(s.writeFD)
	if s.waitedAt >= 0 { // a deadline that has passed would end the next Write
		err = errors.Join(err, s.SetWriteDeadline(time.Time{}))
	}
	return cmp.Or(s.out.err, err)
}

// write is called by the poller. It returns false to wait until the kernel takes more,
// true when Write has its result.
func (s *Socket) write(fd uintptr) bool {
	switch errno := s.pour(fd); errno {
	case 0:
	case syscall.EAGAIN:
		return !s.extendWrite()
	default:
		s.out.err = s.failed("write", errno)
	}
	return true
}

// pour writes until all is written or something is in the way.
func (s *Socket) pour(fd uintptr) syscall.Errno {
	for s.out.n < len(s.out.p) {
		n, errno := writeNow(fd, s.out.p[s.out.n:])
		if errno != 0 {
			return errno
		}
		s.out.n += n
	}
	return 0
}

// extendWrite gives the peer its time anew if it has taken something since the last
// wait, and reports whether to wait for it.
func (s *Socket) extendWrite() bool {
	if s.writeStallTimeout > 0 && s.out.n > s.waitedAt {
		s.waitedAt = s.out.n
		s.out.err = s.SetWriteDeadline(time.Now().Add(s.writeStallTimeout))
	}
	return s.out.err == nil
}

// Defer keeps b, and all that is written from here on, until Await sends it. A request
// that is sent at the moment when its answer is awaited needs no look for an answer
// that cannot be there yet; what TLS writes in parts goes out in one call. B then goes
// to the pool of the socket.
func (s *Socket) Defer(b *buffer.Buffer) { s.deferred, s.unsent = b, nil }

// DeferBody has Await send a body behind what was deferred, from where it is. If the
// kernel does not take all of it at once, Unsent is ErrPartly.
func (s *Socket) DeferBody(first []byte, more [][]byte) { s.body = pieces{first, more} }

// Unsent returns why what was deferred could not be sent, nil if it was.
func (s *Socket) Unsent() error { return s.unsent }

// Sent returns how many bytes were sent if Unsent is ErrPartly.
func (s *Socket) Sent() int { return s.out.n }

// sendDeferred sends what was deferred, and reports whether all of it is sent. If it is
// not, the peer may have answered and closed without reading everything.
func (s *Socket) sendDeferred(fd uintptr) bool {
	deferred := s.deferred
	defer s.pool.Give(deferred)
	s.deferred, s.reads = nil, 0
	if len(s.body.first) > 0 {
		return s.sendPieces(fd, deferred.Bytes)
	}
	n, errno := writeNow(fd, deferred.Bytes)
	if n == len(deferred.Bytes) {
		s.unsent = nil
		return true
	}
	s.out = transfer{p: deferred.Bytes, n: n}
	if errno == 0 {
		errno = s.pour(fd)
	}
	switch errno {
	case 0:
		s.unsent = nil
	case syscall.EAGAIN:
		s.unsent = s.finishWrite()
	default:
		s.unsent = s.failed("write", errno)
	}
	s.out = transfer{}
	return s.unsent == nil
}

// sendPieces sends head and then the deferred body, and reports whether all of it is sent.
func (s *Socket) sendPieces(fd uintptr, head []byte) bool {
	body := s.body
	s.body = pieces{}
	n, errno := writePiecesNow(fd, head, body)
	switch {
	case errno == 0 && n == len(head)+body.size():
		s.unsent = nil
	case errno == 0 || errno == syscall.EAGAIN:
		s.unsent = ErrPartly
	default:
		s.unsent = s.failed("write", errno)
	}
	s.out = transfer{n: n}
	return s.unsent == nil
}
