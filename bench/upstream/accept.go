//go:build linux

package upstream

import (
	"crypto/tls"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// handshakeTime is how long a client may take for its TLS handshake.
const handshakeTime = 10 * time.Second

// accept hands connections over to the loop, those with TLS after the handshake.
func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.connections.Add(1)
		if s.tls == nil {
			s.handOver(c, nil)
			continue
		}
		s.ended.Go(func() { s.shakeHands(c) })
	}
}

// A switching is a connection that Go's poller serves during the handshake and
// the loop afterwards.
type switching struct {
	net.Conn
	raw *conn
}

// Read implements [net.Conn].
func (s *switching) Read(p []byte) (int, error) {
	if s.raw != nil {
		return s.raw.Read(p)
	}
	return s.Conn.Read(p)
}

// Write implements [net.Conn].
func (s *switching) Write(p []byte) (int, error) {
	if s.raw != nil {
		return s.raw.Write(p)
	}
	return s.Conn.Write(p)
}

func (s *Server) shakeHands(c net.Conn) {
	under := &switching{Conn: c}
	over := tls.Server(under, s.tls)
	if c.SetDeadline(time.Now().Add(handshakeTime)) != nil || over.Handshake() != nil {
		c.Close()
		return
	}
	s.handOver(c, func(raw *conn) {
		under.raw = raw
		raw.stream = over
	})
}

// handOver puts c into the loop, after wrap if there is one. It leaves out a client that
// has gone meanwhile.
func (s *Server) handOver(c net.Conn, wrap func(*conn)) {
	fd, err := duplicate(c)
	c.Close()
	if err != nil {
		return
	}
	raw := &conn{server: s, fd: fd}
	raw.stream = raw
	if wrap != nil {
		wrap(raw)
	}
	// The end of the handshake may have come together with the first request,
	// for which the loop gets no event any more.
	if wrap != nil && raw.readable(make([]byte, 16<<10)) != nil {
		unix.Close(fd)
		return
	}
	s.mu.Lock()
	s.conns[int32(fd)] = raw
	s.mu.Unlock()
	event := unix.EpollEvent{Events: interest, Fd: int32(fd)}
	if unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &event) != nil {
		s.forget(raw)
	}
}

// duplicate returns a descriptor of c that Go's poller does not know.
func duplicate(c net.Conn) (fd int, err error) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return -1, err
	}
	controlErr := raw.Control(func(original uintptr) {
		fd, err = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0)
	})
	if controlErr != nil {
		return -1, controlErr
	}
	return fd, err
}
