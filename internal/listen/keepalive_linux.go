package listen

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// How long a connection may be silent until the kernel asks whether somebody is there, how
// far apart it asks, and how often: as package net has it.
const (
	keepAliveIdle     = 15 // seconds
	keepAliveInterval = 15 // seconds
	keepAliveCount    = 9
)

// inheritKeepAlive has the kernel hand keep-alive probes down from the listener to each
// connection. Package net sets them for every connection by four system calls, of the fifteen
// that a request on a new one takes.
func inheritKeepAlive(tcp *net.ListenConfig) {
	tcp.KeepAlive = -1 // package net sets nothing
	tcp.Control = func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			// What cannot be set stays as the kernel has it, as with package net.
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepAliveIdle)
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepAliveInterval)
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepAliveCount)
		})
	}
}
