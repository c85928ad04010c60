//go:build unix

package proxy

import (
	"cmp"
	"errors"
	"net"
	"syscall"
)

// canLook says that isSilent sees a connection that was closed.
const canLook = true

// isSilent reports whether an idle connection is as it should be: open, and
// nothing to read. A peer that closed it, or that speaks unasked, is found
// without waiting for the request that would fail.
func isSilent(c net.Conn) bool {
	_, err := peek(c)
	return errors.Is(err, syscall.EAGAIN)
}

// hasLeft reports whether the peer has ended the connection: nothing more can be
// read from it.
func hasLeft(c net.Conn) bool {
	n, err := peek(c)
	return n == 0 && !errors.Is(err, syscall.EAGAIN)
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
