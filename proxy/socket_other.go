//go:build !linux

package proxy

import (
	"net"
	"time"
)

// A socket is a connection whose system calls the proxy makes itself, which it
// does on Linux only.
type socket struct {
	net.Conn
	dry           bool
	deferred      *scratch
	spare         *scratches
	unsent        error
	writePatience time.Duration
}

// newSocket returns nil: there is none.
func newSocket(net.Conn) *socket { return nil }

func (s *socket) await() error { return nil }

func (s *socket) readOneRecord() bool { return false }

func (s *socket) isSilent() bool { return isSilent(s.Conn) }

func (s *socket) allow(now time.Time, d time.Duration) error { return s.SetReadDeadline(now.Add(d)) }
