package socket

import (
	"cmp"
	"io"
	"os"
	"syscall"
	"time"
)

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

// read is called by the poller. It returns false to wait for something to read, true
// when Read has its result.
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

// Attend calls serve at once, and then each time when there may be something new to
// read, until serve returns true or the time to read is over. So serve returns false to
// wait, true to stop. While it runs, the poller remembers what arrives, so that serve
// need not look again before it returns; the runtime's own lock keeps the descriptor
// from being used again by another connection meanwhile, and keeps Read out: serve reads
// with TryRead and writes with TryWrite or Write.
func (s *Socket) Attend(serve func(fd uintptr) bool) error { return s.raw.Read(serve) }

// Await sends what was deferred and waits until there is something to read. If it could
// not be sent, Await does not wait, and Unsent says why: an answer may be here or not.
// Only the caller of Await may close the socket before the next Read, which relies on
// the descriptor being the same.
func (s *Socket) Await() error {
	s.readable = false
	err := s.raw.Read(s.awaitFD)
	s.readable = err == nil && s.unsent == nil
	return err
}

// sendAndWait is called by the poller for Await: for the first time to send, and for the
// second time when there is something to read. It returns false to wait for that, true
// to stop.
func (s *Socket) sendAndWait(fd uintptr) bool { return s.deferred == nil || !s.sendDeferred(fd) }

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

// Pause has Read take nothing, and say so by a deadline that has passed, until it is
// called again with false. TLS then returns what it has read already.
func (s *Socket) Pause(paused bool) { s.paused = paused }

// recordHead is how long the head of a record of TLS is: type, version, length.
const recordHead = 5

// ReadOneRecord reports whether TLS got one record, at once, for what was written
// last: then it can have nothing left that nobody has read.
func (s *Socket) ReadOneRecord() bool { return s.reads == 1 && s.record }

// IsSilent is what the function of that name is, at half the cost, for a caller that
// has the socket to itself, so that nobody closes it meanwhile.
func (s *Socket) IsSilent() bool { return peekNow(s.fd, &s.peeked) == syscall.EAGAIN }
