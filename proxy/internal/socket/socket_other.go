//go:build !linux

package socket

import (
	"io"
	"net"
	"time"

	"wxproxy/proxy/internal/buffer"
)

// A Socket is a connection whose system calls the proxy makes itself, which it
// does on Linux only. There is none here, so nobody calls its methods.
type Socket struct{ net.Conn }

// New returns nil: there is none.
func New(net.Conn, *buffer.Pool) *Socket { return nil }

// Allow would give Read its time.
func (s *Socket) Allow(now time.Time, d time.Duration) error { return s.SetReadDeadline(now.Add(d)) }

// Attend would wait for something to read.
func (s *Socket) Attend(func(fd uintptr) bool) error { return io.EOF }

// Await would send what was deferred.
func (s *Socket) Await() error { return nil }

// Defer would have b sent by Await.
func (s *Socket) Defer(*buffer.Buffer) {}

// DeferBody would have Await send a body, too.
func (s *Socket) DeferBody([]byte, [][]byte) {}

// IsSilent would look into the socket.
func (s *Socket) IsSilent() bool { return IsSilent(s.Conn) }

// Pause would have Read take nothing.
func (s *Socket) Pause(bool) {}

// ReadOneRecord would say what TLS got.
func (s *Socket) ReadOneRecord() bool { return false }

// Sent would say how much was sent.
func (s *Socket) Sent() int { return 0 }

// SetWriteStallTimeout would bound how long the peer may take nothing.
func (s *Socket) SetWriteStallTimeout(time.Duration) {}

// TryRead would read what is here already.
func (s *Socket) TryRead([]byte) (int, error) { return 0, io.EOF }

// TryWrite would write what the kernel takes at once.
func (s *Socket) TryWrite([]byte) int { return 0 }

// Unsent would say why what was deferred was not sent.
func (s *Socket) Unsent() error { return nil }
