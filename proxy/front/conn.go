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
	// stallTimeout is how long a caller may send nothing of a request's body, if
	// Limits say nothing else. For an answer it is twice that: the kernels between the
	// proxy and a slow caller pass on a lot at a time, and then nothing for a while.
	stallTimeout = 30 * time.Second

	// lingerTime is how long the proxy goes on reading from a caller that it has
	// refused, so that the caller reads the refusal.
	lingerTime = 2 * time.Second

	// sendBuffer is how many bytes of a streamed answer the kernel holds for a caller.
	sendBuffer = 128 << 10
)

// A Conn is a caller's connection. It notes how far its request is, bounds how long
// the caller may stall, and can be closed so that a caller which is still sending
// reads the answer.
//
// It belongs to the goroutine that serves it. Others, which look for connections that
// can be closed, read only what is atomic or guarded by slots.
type Conn struct {
	net.Conn
	direct   *socket.Socket // the same; nil: it is package net's, or there is TLS on it
	listener *Listener
	phase    state[phase]
	body     state[bodyPhase]
	lingers  atomic.Bool // Close waits until the caller has read the answer
	closing  atomic.Bool // Close has begun
	isCut    atomic.Bool // by Cut
	onCut    atomic.Pointer[func()]

	slots  *slots        // where it has a slot
	slot   slot          // guarded by slots
	listed *list.Element // likewise: among the unproven connections; nil: it is not there
	since  time.Time     // likewise: when it came there
	sent   bool          // likewise: the caller has sent something, ever

	stage            stage
	surplus          time.Time     // when it ends, since it is one more than are allowed; zero if it is not
	stallTimeout     time.Duration // how long the caller may send nothing of a body
	bodyGrace        time.Duration // how long any body may take
	unprovenBodyTime time.Duration // how long a body may take that has yet to show who the caller is
	bodyEnd          time.Time     // when the time of the body is used up

	mute      bool  // what is written is thrown away
	overdue   bool  // the read deadline had passed already when it was set
	eof       bool  // Read came to the end
	readError error // of the last Read that failed since a body began
	bounded   bool  // the kernel holds no more than sendBuffer for it

	secure    *tls.Conn   // TLS on it; nil: it is in plain text
	tlsConfig *tls.Config // by which it was accepted, or was found to be good since
	name      string      // in the caller's certificate
}

// ConnOf returns the connection of a request, nil if there is none.
func ConnOf(ctx *fasthttp.RequestCtx) *Conn {
	switch conn := ctx.Conn().(type) {
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

// SetReadDeadline says until when a Read may take. A surplus connection has its own
// end, which no deadline puts off.
//
// A deadline that has passed already when it is set means that nothing is to be waited
// for: headerReceived sets one if the header says that the body is too large. Reading
// then fails as if the caller were late. Overdue tells both apart; the next deadline
// that is set, for the next request, ends it.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.IsSurplus() && t.After(c.surplus) {
		t = c.surplus
	}
	c.overdue = !t.IsZero() && time.Until(t) <= 0
	return c.Conn.SetReadDeadline(t)
}

// Read reads from the connection. While a body comes in, every part of it has the same
// time anew.
func (c *Conn) Read(p []byte) (int, error) {
	isBody := c.body.get() != bodyNone
	if isBody {
		if err := c.SetReadDeadline(c.bodyDeadline()); err != nil {
			return 0, err
		}
		if c.isCut.Load() { // its deadline may have been replaced just now
			return 0, os.ErrDeadlineExceeded
		}
	}
	if c.phase.get() == phaseAnswered {
		c.phase.set(phaseIdle)
	}
	n, err := c.Conn.Read(p)
	if isBody {
		c.extendBody(n)
	}
	c.noteRead(n)
	if err != nil {
		c.readError, c.eof = err, c.eof || errors.Is(err, io.EOF)
	}
	return n, err
}

// noteRead notes that n bytes came.
func (c *Conn) noteRead(n int) {
	if n > 0 && c.stage == stageSilent {
		c.stage = stageSent
		c.slots.noteFirstByte(c)
	}
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

// Close closes the connection. If it lingers, the caller is told that nothing more will
// come, and what it sends meanwhile is thrown away: bytes that nobody has read would
// make the kernel reset the connection, and the caller could lose the answer.
func (c *Conn) Close() error {
	c.closing.Store(true)
	if c.direct == nil {
		c.listener.forget(c)
	} // else its loop does, when it has ended
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && c.lingers.CompareAndSwap(true, false) {
		if half.CloseWrite() == nil && c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
			_, _ = io.Copy(io.Discard, c.Conn) // whatever ends it
		}
	}
	return c.Conn.Close()
}

// discard closes a connection that nobody serves.
func (c *Conn) discard() {
	c.Conn.Close()
	c.listener.forget(c)
}

// setPhase is c.phase.set for a request that may have come over no connection.
func (c *Conn) setPhase(to phase) {
	if c != nil {
		c.phase.set(to)
	}
}

// muteIfSilent keeps what would be an answer from a caller that has asked nothing.
func (c *Conn) muteIfSilent() {
	if c != nil && c.stage == stageSilent {
		c.mute = true
	}
}

// isOverdue reports whether nothing was to be waited for: the header has told enough.
func (c *Conn) isOverdue() bool { return c != nil && c.overdue }
