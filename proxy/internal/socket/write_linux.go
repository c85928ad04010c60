package socket

import (
	"cmp"
	"errors"
	"net"
	"syscall"
	"time"

	"wxproxy/proxy/internal/buffer"
)

// Write writes all of p, or defers it.
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

// finishWrite writes what is left of Write's bytes.
func (s *Socket) finishWrite() error {
	s.waitedAt = -1
	err := s.raw.Write(s.writeFD)
	if s.waitedAt >= 0 { // a deadline that has passed would end the next Write
		err = errors.Join(err, s.SetWriteDeadline(time.Time{}))
	}
	return cmp.Or(s.out.err, err)
}

// write reports whether Write has nothing to wait for.
func (s *Socket) write(fd uintptr) bool {
	switch errno := s.pour(fd); errno {
	case 0:
	case syscall.EAGAIN:
		return !s.awaitRoom()
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

// awaitRoom gives the peer its time anew whenever it has taken something.
func (s *Socket) awaitRoom() bool {
	if s.writeStallTimeout > 0 && s.out.n > s.waitedAt {
		s.waitedAt = s.out.n
		s.out.err = s.SetWriteDeadline(time.Now().Add(s.writeStallTimeout))
	}
	return s.out.err == nil
}

// sendDeferred sends what Write has kept, and reports whether that is done. If it
// is not, the peer may have answered and closed without reading everything.
func (s *Socket) sendDeferred(fd uintptr) bool {
	deferred := s.deferred
	defer s.spare.Give(deferred)
	s.deferred, s.reads = nil, 0
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

// Defer has b sent by Await: what is written until then joins it.
func (s *Socket) Defer(b *buffer.Buffer) { s.deferred, s.unsent = b, nil }

// Unsent returns why what was deferred could not be sent, nil if it was.
func (s *Socket) Unsent() error { return s.unsent }

// SetWriteStallTimeout says how long the peer may take nothing of what is written; 0: the
// deadline that is set counts.
func (s *Socket) SetWriteStallTimeout(d time.Duration) { s.writeStallTimeout = d }

// TryWrite writes as much of p as the kernel takes at once, and returns how much that
// was. Why it was not all is for Write to say.
func (s *Socket) TryWrite(p []byte) int {
	n, _ := writeNow(s.fd, p)
	return n
}

// CloseWrite tells the peer that nothing more will come.
func (s *Socket) CloseWrite() error {
	half, ok := s.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// SetWriteBuffer bounds what the kernel holds of what was written.
func (s *Socket) SetWriteBuffer(bytes int) error {
	buffered, ok := s.Conn.(interface{ SetWriteBuffer(bytes int) error })
	if !ok {
		return errors.ErrUnsupported
	}
	return buffered.SetWriteBuffer(bytes)
}

// SetLinger says what Close does about what was not sent.
func (s *Socket) SetLinger(seconds int) error {
	if tcp, ok := s.Conn.(*net.TCPConn); ok {
		return tcp.SetLinger(seconds)
	}
	return errors.ErrUnsupported
}
