//go:build unix

package proxy

import (
	"net"
	"syscall"
)

// canLook says that isSilent sees a connection that was closed.
const canLook = true

// isSilent reports whether an idle connection is as it should be: open, and
// nothing to read. A peer that closed it, or that speaks unasked, is found
// without waiting for the request that would fail.
func isSilent(c net.Conn) bool {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	silent := false
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		silent = err == syscall.EAGAIN
	})
	return err == nil && silent
}
