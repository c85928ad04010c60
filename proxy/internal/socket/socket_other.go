//go:build !linux

package socket

import (
	"io"
	"net"
	"time"
)

// A socket is a connection whose system calls the proxy makes itself, which it
// does on Linux only.
type socket struct{ net.Conn }

// newSocket returns nil: there is none.
func newSocket(net.Conn, *scratches) *socket { return nil }

// The methods of a socket, which nobody calls: there is none.

func (s *socket) Defer(*scratch)                 {}
func (s *socket) Unsent() error                  { return nil }
func (s *socket) Pause(bool)                     {}
func (s *socket) SetWritePatience(time.Duration) {}

func (s *socket) Attend(func(fd uintptr) bool) error { return io.EOF }
func (s *socket) TryRead([]byte) (int, error)        { return 0, io.EOF }
func (s *socket) TryWrite([]byte) int                { return 0 }

func (s *socket) await() error        { return nil }
func (s *socket) readOneRecord() bool { return false }
func (s *socket) isSilent() bool      { return isSilent(s.Conn) }

func (s *socket) allow(now time.Time, d time.Duration) error { return s.SetReadDeadline(now.Add(d)) }
