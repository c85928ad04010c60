package front

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime/debug"
)

// Serve serves the callers that l accepts, until it accepts no more. It may be
// called for several listeners. Nothing that may block is done here: whatever
// waits for a caller has that caller's own goroutine.
func (s *Server) Serve(l *Listener) error {
	l.Log = s.front.log
	for {
		c, err := l.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		// Once it has a place, others may close it.
		direct := l.TLS == nil && !s.front.limits.PlainIO && s.front.useSocket(c)
		switch {
		case !s.front.slots.take(c):
			c.discard()
		case direct:
			go s.front.serveDirectly(c)
		default:
			go s.serveByFasthttp(c)
		}
	}
}

// serveByFasthttp has fasthttp's server serve a caller.
func (s *Server) serveByFasthttp(c *Conn) {
	defer s.front.slots.release(c)
	defer s.front.survive(c)
	conn := c.shakeHands()
	if conn == nil {
		c.Close()
		return
	}
	_ = s.fasthttp.ServeConn(conn) // which has answered whatever went wrong
}

// survive closes c, if what serves it panics.
func (f *front) survive(c *Conn) {
	if recover() != nil {
		f.log.Error("panic while serving a connection", "stack", string(debug.Stack()))
		c.Close()
	}
}

// discard closes a connection that nobody serves.
func (c *Conn) discard() {
	c.Conn.Close()
	c.listener.forget(c)
}

// shakeHands returns the connection as requests come over it, behind a TLS
// handshake if the listener asks for one; nil if that has failed.
func (c *Conn) shakeHands() net.Conn {
	if c.listener.TLS == nil {
		return c
	}
	patience := min(handshakeTimeout, c.slots.limits.HeaderTimeout)
	if c.IsSurplus() {
		patience = min(patience, surplusTime)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if c.terms = c.listener.TLS(); c.terms == nil {
		return nil
	}
	secure := tls.Server(c, c.terms)
	if secure.HandshakeContext(ctx) != nil {
		return nil
	}
	c.secure = secure
	return secure
}
