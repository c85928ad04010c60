package upstream

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/socket"
)

// A conn is a connection to a host of WeChat.
type conn struct {
	net.Conn                 // with TLS if the host has it
	socket    net.Conn       // the raw connection below
	direct    *socket.Socket // the same; nil: it is package net's
	host      *host
	reader    *bufio.Reader // while an answer comes
	out       []byte        // parts of a large request or of an answer; the buffer is used again
	answered  bool          // the header of the last answer was read
	ambiguous bool          // it had two lengths
	reused    bool          // a request was answered on it before
	born      time.Time     // when it was connected
	sent      time.Time     // just before the last request was written
	idleFrom  time.Time     // when its answer was read
	patience  time.Duration // how long a Read may take; 0: the deadline that is set stays
	heldTill  time.Time     // when what is held of the answer has to be there; zero: it streams
}

// retire makes the connection idle, or closes it.
func (c *conn) retire(keep bool) {
	if !keep || c.hasUnsolicited() {
		c.Close()
		return
	}
	c.host.readers.Give(c.reader)
	c.reader, c.reused, c.idleFrom = nil, true, time.Now()
	c.host.idle.push(c)
}

// Read reads from the connection. While the body comes in, every part of it
// has the same time-out anew, and all of what is held before it is passed on has it
// once.
func (c *conn) Read(p []byte) (int, error) {
	if c.patience > 0 {
		until := time.Now().Add(c.patience)
		if !c.heldTill.IsZero() && until.After(c.heldTill) {
			until = c.heldTill
		}
		if err := c.SetReadDeadline(until); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
}

// classify tells a time-out, a connection that was closed while it was idle,
// and any other failure apart.
func (c *conn) classify(err error, answering bool) error {
	var timeout net.Error
	var network *net.OpError
	switch {
	case errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, fasthttp.ErrTimeout):
		return ErrTimeout
	case c.reused && !answering:
		return fmt.Errorf("%w: %w", ErrBroken, errStale)
	case errors.As(err, &network):
		return fmt.Errorf("%w: %w", ErrBroken, network)
	}
	return ErrBroken // fasthttp's own errors may quote the answer
}

// isOpen reports whether the connection, which is idle, is open as far as can be seen
// and nothing can be read from it: unsolicited bytes make it as useless as its end does.
// Nobody else may use the connection meanwhile.
func (c *conn) isOpen() bool {
	if c.direct != nil {
		return c.direct.IsSilent()
	}
	return socket.IsSilent(c.socket)
}

// hasUnsolicited reports whether WeChat has sent unsolicited bytes, those behind the
// answer, which would be taken for the answer to the next request. It finds the ones
// that have left the socket already, and isOpen later the others: TLS has a buffer of
// its own, which holds what came in the same segment as the end of the answer.
func (c *conn) hasUnsolicited() bool {
	if c.reader.Buffered() > 0 {
		return true
	}
	if c.Conn == c.socket {
		return false
	}
	c.patience = 0
	if c.direct != nil {
		if c.direct.ReadOneRecord() {
			return false
		}
		c.direct.Pause(true)
		_, err := c.reader.Peek(1)
		c.direct.Pause(false)
		return !errors.Is(err, os.ErrDeadlineExceeded)
	}
	if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil { // nothing is waited for
		return true
	}
	_, err := c.reader.Peek(1)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}
