//go:build linux

package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A caller is a kept-alive connection with one request at a time.
type caller struct {
	fd       int // registered with our own epoll only
	request  []byte
	due      time.Time
	answer   []byte // the part that has come
	answered bool   // by the only answer on a connection
	ok       bool   // the answer's status is 200
}

// callers are the connections; those without a request wait in free, the longest first.
type callers struct {
	epoll int
	all   map[int32]*caller
	free  []*caller
}

// connect opens the connections of n callers, which take turns with the calls, and
// makes one request on each, so that the proxy knows them.
func connect(ctx context.Context, t Target, n int) (*callers, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("connecting callers: %w", err)
	}
	c := &callers{epoll: epoll, all: make(map[int32]*caller)}
	for i := range n {
		one, err := dial(ctx, t, i)
		if err != nil {
			c.close()
			return nil, fmt.Errorf("connecting caller %d: %w", i, err)
		}
		c.all[int32(one.fd)] = one
		c.free = append(c.free, one)
		if err := c.watch(one.fd); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func dial(ctx context.Context, t Target, n int) (*caller, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", t.Addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	one := &caller{request: t.Calls[n%len(t.Calls)].bytes(t.Addr, t.Body)}
	if err := one.meet(conn); err != nil {
		return nil, err
	}
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	controlErr := raw.Control(func(fd uintptr) {
		one.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	})
	return one, errors.Join(controlErr, err)
}

// meet makes the first request, through package net.
func (c *caller) meet(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := conn.Write(c.request); err != nil {
		return err
	}
	for buffer := make([]byte, 4096); ; {
		n, err := conn.Read(buffer)
		if err != nil {
			return err
		}
		complete, err := c.take(buffer[:n])
		if err == nil && complete && !c.ok {
			return errors.New("the first answer is not 200")
		}
		if err != nil || complete {
			return err
		}
	}
}

func (c *callers) watch(fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("watching a connection: %w", err)
	}
	return nil
}

// take returns the free caller that has waited longest.
func (c *callers) take() *caller {
	one := c.free[0]
	c.free = c.free[1:]
	return one
}

// wait returns the events of epoll, after a second at most.
func (c *callers) wait(events []unix.EpollEvent) ([]unix.EpollEvent, error) {
	n, err := unix.EpollWait(c.epoll, events, 1000)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return nil, fmt.Errorf("waiting for answers: %w", err)
	}
	return events[:max(n, 0)], nil
}

func (c *callers) close() {
	for _, one := range c.all {
		unix.Close(one.fd)
	}
	unix.Close(c.epoll)
}

// send writes the request, which is so short that the kernel takes it at once.
func (c *caller) send(due time.Time) error {
	c.due = due
	n, err := unix.Write(c.fd, c.request)
	if err != nil {
		return fmt.Errorf("sending a request: %w", err)
	}
	if n < len(c.request) {
		return fmt.Errorf("sending a request: the kernel took %d bytes of %d", n, len(c.request))
	}
	return nil
}

func (c *caller) receive() (complete bool, err error) {
	var buffer [4096]byte
	n, err := unix.Read(c.fd, buffer[:])
	if errors.Is(err, unix.EAGAIN) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading an answer: %w", err)
	}
	if n == 0 {
		return false, errors.New("reading an answer: the proxy closed the connection")
	}
	return c.take(buffer[:n])
}

// take adds what has come to the answer and reports whether that is complete.
func (c *caller) take(data []byte) (complete bool, err error) {
	c.answer = append(c.answer, data...)
	head, body, found := bytes.Cut(c.answer, []byte("\r\n\r\n"))
	if !found {
		return false, nil
	}
	_, after, found := bytes.Cut(bytes.ToLower(head), []byte("\r\ncontent-length:"))
	if !found {
		return false, fmt.Errorf("reading an answer: no Content-Length in %q", head)
	}
	value, _, _ := bytes.Cut(after, []byte("\r\n"))
	length, err := strconv.Atoi(string(bytes.TrimSpace(value)))
	if err != nil {
		return false, fmt.Errorf("reading an answer: %w", err)
	}
	if len(body) < length {
		return false, nil
	}
	c.ok = bytes.HasPrefix(head, []byte("HTTP/1.1 200 "))
	c.answer = c.answer[:0]
	return true, nil
}
