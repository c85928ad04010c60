package listen

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// What package net would set for each connection, each has from its listener.
func TestConnectionsInheritKeepAliveFromTheListener(t *testing.T) {
	t.Parallel()
	ours, err := On("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	theirs, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	want := options(t, accepted(t, theirs))
	if got := options(t, accepted(t, ours)); got != want {
		t.Errorf("got %v; want %v as package net has it", got, want)
	}
	want.noDelay = 0 // which it sets for each, whatever it inherits
	if got := options(t, ours.(syscall.Conn)); got != want {
		t.Errorf("got %v of the listener; want %v", got, want)
	}
}

// accepted returns a connection as ln accepts it.
func accepted(t *testing.T, ln net.Listener) syscall.Conn {
	t.Helper()
	caller, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		caller.Close()
		c.Close()
	})
	return c.(syscall.Conn)
}

// socketOptions are those that package net sets.
type socketOptions struct{ keepAlive, idle, interval, count, noDelay int }

func options(t *testing.T, c syscall.Conn) (o socketOptions) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		get := func(level, option int) int {
			value, err := unix.GetsockoptInt(int(fd), level, option)
			if err != nil {
				t.Error(err)
			}
			return value
		}
		o = socketOptions{
			keepAlive: get(unix.SOL_SOCKET, unix.SO_KEEPALIVE), idle: get(unix.IPPROTO_TCP, unix.TCP_KEEPIDLE),
			interval: get(unix.IPPROTO_TCP, unix.TCP_KEEPINTVL), count: get(unix.IPPROTO_TCP, unix.TCP_KEEPCNT),
			noDelay: get(unix.IPPROTO_TCP, unix.TCP_NODELAY),
		}
	}); err != nil {
		t.Fatal(err)
	}
	return o
}
