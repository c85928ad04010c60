package front

import (
	"errors"
	"io"
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
		// Before it has a slot: others may close it from then on.
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

// discard closes a connection that nobody serves.
func (c *Conn) discard() {
	c.Conn.Close()
	c.listener.forget(c)
}
