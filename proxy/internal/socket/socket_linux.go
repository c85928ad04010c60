package socket

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"wxproxy/proxy/internal/buffer"
)

// A Socket is a connection whose reads and writes are system calls that the
// scheduler is not told of. They never block; and before one that it knows about,
// it makes ready for a thread that does, which costs more than the call itself
// (docs/decisions/0021). One goroutine at a time may read, and one may write.
type Socket struct {
	net.Conn // TCP or Unix
	raw      syscall.RawConn
	fd       uintptr

	// While there is a deferred buffer, what is written joins it. Await sends it.
	deferred *buffer.Buffer // nil: Write writes
	body     pieces         // what is sent behind it
	pool     *buffer.Pool   // where it goes when it is sent
	unsent   error          // why what was deferred could not be sent

	readable bool // there should be something to read
	paused   bool // Read waits for nothing and takes nothing
	record   bool // the last read returned one record of TLS, and nothing else
	reads    int  // since something was written
	peeked   [1]byte

	until time.Time // when Read gives up; zero if that was set elsewhere

	// writeStallTimeout is how long the peer may take nothing of what is written; 0:
	// the deadline that is set counts.
	writeStallTimeout time.Duration

	readFD, writeFD, awaitFD func(fd uintptr) bool // the methods that raw calls, bound once

	in, out  transfer // of Read and of Write
	waitedAt int      // bytes that were written when Write waited last; -1: it has not
}

// A transfer is a call under way.
type transfer struct {
	p   []byte
	n   int
	err error
}

// Pieces are parts of memory that follow each other.
type pieces struct {
	first []byte
	more  [][]byte
}

func (p *pieces) size() int {
	n := len(p.first)
	for _, piece := range p.more {
		n += len(piece)
	}
	return n
}

// New returns a socket for c, or nil if c is not TCP or Unix itself. The buffers of
// deferred writes go to pool; nil: nothing is deferred.
func New(c net.Conn, pool *buffer.Pool) *Socket {
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return nil
	}
	raw, err := c.(syscall.Conn).SyscallConn() //nolint:forcetypeassert // both are one
	if err != nil {
		return nil
	}
	s := &Socket{Conn: c, raw: raw, pool: pool}
	s.readFD, s.writeFD, s.awaitFD = s.read, s.write, s.sendAndWait
	if err := raw.Control(func(fd uintptr) { s.fd = fd }); err != nil {
		return nil
	}
	return s
}

// SyscallConn lets the connection be looked into.
func (s *Socket) SyscallConn() (syscall.RawConn, error) { return s.raw, nil }

// SetReadDeadline says until when Read may wait.
func (s *Socket) SetReadDeadline(t time.Time) error {
	s.until = time.Time{}
	return s.Conn.SetReadDeadline(t)
}

// SetDeadline says until when Read and Write may wait.
func (s *Socket) SetDeadline(t time.Time) error {
	s.until = time.Time{}
	return s.Conn.SetDeadline(t)
}

// SetWriteStallTimeout says how long the peer may take nothing of what is written; 0:
// the deadline that is set counts.
func (s *Socket) SetWriteStallTimeout(d time.Duration) { s.writeStallTimeout = d }

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

// CloseWrite tells the peer that nothing more will come.
func (s *Socket) CloseWrite() error {
	half, ok := s.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// failed returns errno as package net would.
func (s *Socket) failed(op string, errno syscall.Errno) error {
	local, remote := s.LocalAddr(), s.RemoteAddr()
	return &net.OpError{Op: op, Net: local.Network(), Source: local, Addr: remote, Err: os.NewSyscallError(op, errno)}
}
