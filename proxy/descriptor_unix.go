//go:build unix

package proxy

import (
	"net"
	"syscall"
)

// descriptorOf returns the number of a connection's descriptor, 0 if it has none.
func descriptorOf(c net.Conn) (number int) {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { number = int(fd) }) // 0 if it is closed
	return number
}
