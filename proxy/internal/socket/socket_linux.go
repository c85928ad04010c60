package socket

import (
	"cmp"
	"io"
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

	// While there is something deferred, what is written joins it. It is sent by await,
	// after which nobody looks for an answer that cannot have come yet.
	deferred *buffer.Buffer // nil: Write writes
	spare    *buffer.Pool   // where it goes then
	unsent   error          // why what was deferred could not be sent

	readable bool // there should be something to read
	paused   bool // Read waits for nothing and takes nothing
	record   bool // the last read returned one record of TLS, and nothing else
	reads    int  // since something was written
	next     [1]byte

	until time.Time // when Read gives up; zero if that was set elsewhere

	// writeStallTimeout is how long the peer may take nothing of what is written; 0:
	// the deadline that is set counts.
	writeStallTimeout time.Duration

	readFD, writeFD, awaitFD func(fd uintptr) bool

	in, out  transfer // of Read and of Write
	waitedAt int      // bytes that were written when Write waited last
}

// A transfer is a call under way.
type transfer struct {
	p   []byte
	n   int
	err error
}

// New returns a socket for c, or nil if c is not TCP or Unix itself. spare is
// where the buffers of deferred writes go; nil: nothing is deferred.
func New(c net.Conn, spare *buffer.Pool) *Socket {
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return nil
	}
	raw, err := c.(syscall.Conn).SyscallConn() //nolint:forcetypeassert // both are one
	if err != nil {
		return nil
	}
	s := &Socket{Conn: c, raw: raw, spare: spare}
	s.readFD, s.writeFD, s.awaitFD = s.read, s.write, s.sendAndWait
	if err := raw.Control(func(fd uintptr) { s.fd = fd }); err != nil {
		return nil
	}
	return s
}

// Read reads what there is, after waiting for it if there is nothing.
func (s *Socket) Read(p []byte) (int, error) {
	if s.paused {
		return 0, os.ErrDeadlineExceeded
	}
	if s.readable {
		s.readable = false
		if n, errno := readNow(s.fd, p); errno != syscall.EAGAIN {
			return s.took(p, n, errno)
		}
	}
	s.in = transfer{p: p}
	err := s.raw.Read(s.readFD)
	n, failed := s.in.n, s.in.err
	s.in = transfer{} // p may be somebody else's from here
	return n, cmp.Or(err, failed)
}

// read reports whether Read has nothing to wait for.
func (s *Socket) read(fd uintptr) bool {
	n, errno := readNow(fd, s.in.p)
	if errno == syscall.EAGAIN {
		return false
	}
	s.in.n, s.in.err = s.took(s.in.p, n, errno)
	return true
}

// took says what Read returns when the kernel has put n bytes into p.
func (s *Socket) took(p []byte, n int, errno syscall.Errno) (int, error) {
	s.reads++
	s.record = n > recordHead && n-recordHead == int(p[3])<<8+int(p[4])
	switch {
	case errno != 0:
		return n, s.failed("read", errno)
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// Await sends what was deferred and waits until there is something to read, unless
// it could not be sent: then unsent says why, and an answer may be here or not. Only
// the caller of await may close the socket before the next Read.
func (s *Socket) Await() error {
	s.readable = false
	err := s.raw.Read(s.awaitFD)
	s.readable = err == nil
	return err
}

// sendAndWait reports whether await has nothing to wait for.
func (s *Socket) sendAndWait(fd uintptr) bool { return s.deferred == nil || !s.sendDeferred(fd) }

// failed returns errno as package net would.
func (s *Socket) failed(op string, errno syscall.Errno) error {
	local, remote := s.LocalAddr(), s.RemoteAddr()
	return &net.OpError{Op: op, Net: local.Network(), Source: local, Addr: remote, Err: os.NewSyscallError(op, errno)}
}

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

// Allow gives Read until now plus d, or up to an eighth of d more: setting a
// deadline costs more than looking whether the last one is still good.
func (s *Socket) Allow(now time.Time, d time.Duration) error {
	if left := s.until.Sub(now); d <= left && left <= d+d/8 {
		return nil
	}
	until := now.Add(d + d/8)
	err := s.Conn.SetReadDeadline(until)
	s.until = until
	return err
}

// recordHead is how long the head of a record of TLS is: type, version, length.
const recordHead = 5

// ReadOneRecord reports whether TLS got one record, at once, for what was written
// last: then it can have nothing left that nobody has read.
func (s *Socket) ReadOneRecord() bool { return s.reads == 1 && s.record }

// SyscallConn lets the connection be looked into.
func (s *Socket) SyscallConn() (syscall.RawConn, error) { return s.raw, nil }

// IsSilent is what the function of that name is, for who has the socket to itself,
// so that nobody closes it meanwhile, and costs half.
func (s *Socket) IsSilent() bool { return peekNow(s.fd, &s.next) == syscall.EAGAIN }

// Pause has Read take nothing, and say so by a deadline that has passed, until it is
// told otherwise.
func (s *Socket) Pause(paused bool) { s.paused = paused }

// Attend calls attend whenever there may be something to read, until it reports true
// or the time to read is over.
func (s *Socket) Attend(attend func(fd uintptr) bool) error { return s.raw.Read(attend) }

// TryRead reads what is here already. ErrEmpty says that this is nothing.
func (s *Socket) TryRead(p []byte) (int, error) {
	n, errno := readNow(s.fd, p)
	switch {
	case errno == syscall.EAGAIN:
		return 0, ErrEmpty
	case errno != 0:
		return 0, s.failed("read", errno)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
