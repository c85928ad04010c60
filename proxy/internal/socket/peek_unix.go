//go:build unix

package socket

import (
	"cmp"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// CanPeek says that IsSilent sees a connection that was closed.
const CanPeek = true

// IsSilent reports whether an idle connection is as it should be: open, and with
// nothing to read. A peer that closed it, or that speaks unasked, is found without
// waiting for the request that would fail.
func IsSilent(c net.Conn) bool {
	_, err := peek(c)
	return errors.Is(err, syscall.EAGAIN)
}

// HasUnread reports whether there is something to read.
func HasUnread(c net.Conn) bool {
	n, err := peek(c)
	return n > 0 && err == nil
}

// leavingTime is how long the kernel of a caller has to say that nobody is there.
const leavingTime = 100 * time.Millisecond

// HasLeft reports whether the caller at the other end is gone. A caller that has only
// ended its half of the connection waits for its answer. Both look the same until
// something is written: an interim answer, which means nothing to a caller that is
// there (RFC 9110, section 15.2), if the caller knows such.
func HasLeft(c net.Conn, knowsInterim bool) bool {
	n, err := peek(c)
	if n > 0 || errors.Is(err, syscall.EAGAIN) {
		return false
	}
	if err != nil || !knowsInterim {
		return true
	}
	if _, err := io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
		return true
	}
	for range 20 {
		time.Sleep(leavingTime / 20)
		if hasFailed(c) {
			return true
		}
	}
	return false
}

// hasFailed reports whether the kernel has an error for the connection.
func hasFailed(c net.Conn) (failed bool) {
	look := func(fd uintptr) {
		errno, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
		failed = errno != 0 || err != nil
	}
	raw, err := c.(syscall.Conn).SyscallConn() //nolint:forcetypeassert // peek has found that it is one
	return err != nil || raw.Control(look) != nil || failed
}

// peek looks for the next byte without waiting for it and without taking it.
func peek(c net.Conn) (n int, err error) {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return 0, syscall.EAGAIN // it cannot be looked into
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	closed := raw.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	return max(n, 0), cmp.Or(closed, err)
}
