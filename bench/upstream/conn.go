//go:build linux

package upstream

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A conn is a connection that the loop reads. It calls the kernel without telling
// Go's scheduler, which is right for a descriptor that never blocks.
type conn struct {
	server *Server
	fd     int
	stream io.ReadWriter // the conn itself, or TLS over it
	empty  bool          // there is nothing more to read before the next event
	head   []byte        // the beginning of a request whose head is incomplete
	left   int           // bytes of the body that are still to come
	answer []byte        // what is sent when they have come
	unsent []byte        // the rest of an answer for which the kernel had no room
}

// interest is what epoll is asked of a connection that has nothing to send.
const interest = unix.EPOLLIN | unix.EPOLLRDHUP

// wouldBlock says that there is nothing to read. crypto/tls goes on after a
// temporary error.
type wouldBlock struct{}

func (wouldBlock) Error() string   { return "nothing to read" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

var _ net.Error = wouldBlock{}

// Read implements [io.Reader].
func (c *conn) Read(p []byte) (int, error) {
	if c.empty {
		return 0, wouldBlock{}
	}
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	switch {
	case errno == unix.EAGAIN:
		c.empty = true
		return 0, wouldBlock{}
	case errno != 0:
		return 0, errno
	case n == 0:
		return 0, io.EOF
	}
	c.empty = int(n) < len(p)
	return int(n), nil
}

// Write implements [io.Writer]. It never waits.
func (c *conn) Write(p []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	if int(n) < len(p) {
		return int(n), io.ErrShortWrite
	}
	return int(n), nil
}

// event does what epoll says that the connection is ready for.
func (c *conn) event(ready uint32, buffer []byte) error {
	if ready&unix.EPOLLOUT != 0 {
		if err := c.send(c.unsent); err != nil || len(c.unsent) > 0 {
			return err
		}
		event := unix.EpollEvent{Events: interest, Fd: int32(c.fd)}
		if err := unix.EpollCtl(c.server.epoll, unix.EPOLL_CTL_MOD, c.fd, &event); err != nil {
			return err
		}
	}
	return c.readable(buffer)
}

// send writes the answer. What the kernel has no room for waits for an event; over TLS, where
// answers are short, the connection is not worth keeping then.
func (c *conn) send(answer []byte) error {
	n, err := c.stream.Write(answer)
	full := errors.Is(err, io.ErrShortWrite) || errors.Is(err, unix.EAGAIN)
	if !full || c.stream != io.ReadWriter(c) {
		c.unsent = nil
		return err
	}
	c.unsent = answer[n:]
	event := unix.EpollEvent{Events: interest | unix.EPOLLOUT, Fd: int32(c.fd)}
	return unix.EpollCtl(c.server.epoll, unix.EPOLL_CTL_MOD, c.fd, &event)
}

// readable answers all requests that are complete.
func (c *conn) readable(buffer []byte) error {
	c.empty = false
	for {
		n, err := c.stream.Read(buffer)
		if _, none := err.(wouldBlock); none { //nolint:errorlint // crypto/tls returns it as it is
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.take(buffer[:n]); err != nil {
			return err
		}
	}
}

// take processes the bytes that have come.
func (c *conn) take(data []byte) error {
	for len(data) > 0 {
		if c.answer == nil {
			rest, complete := c.takeHead(data)
			if !complete {
				return nil
			}
			data = rest
		}
		body := min(c.left, len(data))
		data, c.left = data[body:], c.left-body
		if c.left > 0 {
			return nil
		}
		answer := c.answer
		c.answer = nil
		if err := c.send(answer); err != nil {
			return err
		}
	}
	return nil
}

// takeHead returns what follows the head, if that is complete.
func (c *conn) takeHead(data []byte) (rest []byte, complete bool) {
	before := len(c.head)
	all := data
	if before > 0 {
		c.head = append(c.head, data...)
		all = c.head
	}
	end := bytes.Index(all, []byte("\r\n\r\n"))
	if end < 0 {
		c.head = append(c.head[:before], data...)
		return nil, false
	}
	end += len("\r\n\r\n")
	r := parse(all[:end])
	c.left, c.answer = r.length, c.server.answerTo(r, all[:end])
	c.head = c.head[:0]
	return data[end-before:], true
}

// pollNow returns how many events there are already.
func pollNow(epoll int, events []unix.EpollEvent) int {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epoll),
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}
