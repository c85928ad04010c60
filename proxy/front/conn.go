package front

import (
	"container/list"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/socket"
)

const (
	// defaultStallTimeout is how long a caller may send nothing of a request's body.
	// For an answer it is twice that: the kernels between the proxy and a slow
	// caller pass on a lot at a time, and then nothing for a while.
	defaultStallTimeout = 30 * time.Second

	// lingerTime is how long the proxy goes on reading from a caller that it has
	// refused, so that the caller reads the refusal.
	lingerTime = 2 * time.Second

	// sendBuffer is how much of a streamed answer the kernel holds for a caller.
	sendBuffer = 128 << 10
)

// A Conn is a caller's connection. It notes whether a request is under way,
// bounds how long the caller may stall, and can be closed so that a caller which
// is still sending reads the answer.
type Conn struct {
	net.Conn
	direct    *socket.Socket // the same; nil: it is package net's, or there is TLS on it
	listener  *Listener
	answering atomic.Bool // from a request's header to the end of its answer
	lingers   atomic.Bool // Close waits for the caller
	ending    atomic.Bool // Close has begun
	unproven  atomic.Bool // it shows who it is in a body that has yet to come

	slots  *slots        // where it has a role
	slot   slot          // guarded by slots
	listed *list.Element // likewise: among those that have proven no client
	since  time.Time     // likewise: when it became one of those
	heard  bool          // likewise: it has sent something, ever
	proven bool          // it has; for the goroutine that serves the connection

	// For the goroutine that serves the connection.
	stallTimeout time.Duration
	surplus      time.Time // when it ends, since it is one more than are allowed; zero if it is not
	handling     bool      // a request: what is read belongs to it
	sending      bool      // a body: every Read has the same patience anew
	bodyEnd      time.Time // when the time of the body is used up
	hurries      bool      // what comes of it gives it no more

	bodyGrace        time.Duration // how long any body may take
	unprovenBodyTime time.Duration // the same of a caller that is not known yet
	spoke            bool          // the caller has sent something, ever
	mute             bool          // nothing is written any more
	overdue          bool          // the time to read was over when it was set
	ended            bool          // Read came to the end

	secure    *tls.Conn   // what TLS makes of it; nil: it is in plain text
	terms     *tls.Config // by which it was spoken to
	name      string      // in its certificate
	knowsName bool        // name was looked at
}

// ConnOf returns the connection of a request, nil if there is none.
func ConnOf(ctx *fasthttp.RequestCtx) *Conn { return callerConnOf(ctx.Conn()) }

// callerConnOf returns the connection below TLS, if there is that.
func callerConnOf(conn net.Conn) *Conn {
	switch conn := conn.(type) {
	case *Conn:
		return conn
	case *Request:
		return conn.caller
	case *tls.Conn:
		c, _ := conn.NetConn().(*Conn)
		return c
	}
	return nil
}

// SetReadDeadline says until when a Read may take. A connection that is one too
// many has its own time.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.IsSurplus() && t.After(c.surplus) {
		t = c.surplus
	}
	c.overdue = !t.IsZero() && time.Until(t) <= 0
	return c.Conn.SetReadDeadline(t)
}

// Read reads from the connection. While a body comes in, every part of it has
// the same patience anew.
func (c *Conn) Read(p []byte) (int, error) {
	if c.sending {
		if err := c.SetReadDeadline(c.nextPart()); err != nil {
			return 0, err
		}
	}
	if !c.handling {
		c.answering.Store(false) // the last answer is written
	}
	n, err := c.Conn.Read(p)
	if c.sending {
		c.received(n)
	}
	c.noteRead(n)
	c.ended = c.ended || errors.Is(err, io.EOF)
	return n, err
}

// Write writes to the connection for as long as the caller takes something.
func (c *Conn) Write(p []byte) (int, error) {
	if c.mute {
		return len(p), nil
	}
	if c.direct != nil {
		return c.direct.Write(p)
	}
	for n := 0; ; {
		if err := c.SetWriteDeadline(time.Now().Add(2 * c.stallTimeout)); err != nil {
			return n, err
		}
		written, err := c.Conn.Write(p[n:])
		n += written
		if err == nil || written == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
}

// Close closes the connection. If that lingers, the caller is told that nothing
// more will come, and what it sends meanwhile is thrown away: bytes that nobody
// read would make the kernel reset the connection, and the caller could lose the
// answer.
func (c *Conn) Close() error {
	c.ending.Store(true)
	if c.direct == nil {
		c.listener.forget(c)
	} // else its visit does, when it has ended
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && c.lingers.CompareAndSwap(true, false) {
		if half.CloseWrite() == nil && c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
			_, _ = io.Copy(io.Discard, c.Conn) // whatever ends it
		}
	}
	return c.Conn.Close()
}

// handle says whether a request is being handled.
func (c *Conn) handle(handling bool) {
	if c == nil {
		return
	}
	if c.handling = handling; handling {
		c.answering.Store(true)
	}
}

// silence keeps what would be an answer from a caller that has asked nothing.
func (c *Conn) silence() {
	if c != nil && !c.spoke {
		c.mute = true
	}
}

// Linger makes Close linger.
func (c *Conn) Linger() {
	if c != nil {
		c.lingers.Store(true)
	}
}

// HasEnded reports whether a Read came to the connection's end.
func (c *Conn) HasEnded() bool { return c != nil && c.ended }

// isOverdue reports whether nothing was to be waited for: the header has told
// enough.
func (c *Conn) isOverdue() bool { return c != nil && c.overdue }

// IsSurplus reports whether the connection is one more than are allowed.
func (c *Conn) IsSurplus() bool { return c != nil && !c.surplus.IsZero() }
