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

// A conn is a connection to a host of WeChat. It has one exchange at a time, and is
// idle in between.
type conn struct {
	net.Conn                 // with TLS if the host has it
	socket    net.Conn       // the connection without TLS
	direct    *socket.Socket // the same; nil: it is one of package net's
	host      *host
	reader    *bufio.Reader // of an answer; nil: the connection is idle
	part      []byte        // the buffer for a part of a large request or of an answer
	ambiguous bool          // the last answer had two lengths
	reused    bool          // a request was answered on it before
	born      time.Time     // when it was connected
	sent      time.Time     // just before the last request was written
	idleFrom  time.Time     // when its answer was complete

	partTime     time.Duration // how long a Read may take; 0: the deadline that is set stays
	bodyDeadline time.Time     // when all of the answer's body has to be here; zero: only each part has a deadline
}

// retire ends an exchange: it makes the connection idle if keep says so and nothing
// unsolicited has come, and closes it otherwise.
func (c *conn) retire(keep bool) {
	if !keep || c.hasUnsolicited() {
		c.Close()
		return
	}
	c.host.readers.Give(c.reader)
	c.reader, c.reused, c.idleFrom = nil, true, time.Now()
	c.host.idle.push(c)
}

// Read reads from the connection. Each part of an answer's body has partTime anew, but
// none comes later than bodyDeadline.
func (c *conn) Read(p []byte) (int, error) {
	switch {
	case c.partTime == 0:
	case c.direct != nil && c.bodyDeadline.IsZero():
		if err := c.direct.Allow(time.Now(), c.partTime); err != nil {
			return 0, err
		}
	default:
		until := time.Now().Add(c.partTime)
		if !c.bodyDeadline.IsZero() && until.After(c.bodyDeadline) {
			until = c.bodyDeadline
		}
		if err := c.SetReadDeadline(until); err != nil {
			return 0, err
		}
	}
	return c.Conn.Read(p)
}

// unanswered returns the reason why there is no answer, given the error that ended the
// exchange before a byte of it came: a reused connection may have been closed while it
// was idle.
func (c *conn) unanswered(err error) error {
	if unread, ok := errors.AsType[*bodyError](err); ok {
		return fmt.Errorf("%w: %w", ErrBroken, unread)
	}
	reason := cut(err)
	if c.reused && !errors.Is(reason, ErrTimeout) {
		return fmt.Errorf("%w: %w", ErrBroken, errStale)
	}
	return reason
}

// cut returns the reason why an answer is not complete, given the error that ended it.
func cut(err error) error {
	var timeout net.Error
	var network *net.OpError
	switch {
	case errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, fasthttp.ErrTimeout):
		return ErrTimeout
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
	c.partTime = 0
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
