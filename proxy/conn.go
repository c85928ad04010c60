package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// A conn is a connection to a host of WeChat.
type conn struct {
	net.Conn          // with TLS if the host has it
	socket   net.Conn // the raw connection below
	host     *host
	reader   *bufio.Reader
	out      []byte        // the request being written; the buffer is used again
	reused   bool          // a request was answered on it before
	born     time.Time     // when it was connected
	sent     time.Time     // when writing the last request began
	idleFrom time.Time     // when its answer was read
	patience time.Duration // how long a Read may take; 0: the deadline that is set stays
}

// responseHeaderSize bounds the header of WeChat's answers.
const responseHeaderSize = 16 << 10

// responseBodySize bounds the body of WeChat's answers, far above any that its
// manual knows: memory is taken for whatever length an answer claims to have.
const responseBodySize = 256 << 20

// keptRequestSize is the largest request buffer that a connection keeps.
const keptRequestSize = 64 << 10

// errStale says that a kept-alive connection was closed by WeChat before it
// took the request: nothing of an answer was read.
var errStale = errors.New("the kept-alive connection was closed")

// roundTrip writes m and reads the answer into resp. Afterwards the connection
// is idle or closed.
func (c *conn) roundTrip(m *Message, resp *fasthttp.Response) error {
	err := c.exchange(m, resp)
	if err != nil || endsConnection(&resp.Header) || c.reader.Buffered() > 0 {
		c.Close()
		return err
	}
	c.reused, c.idleFrom = true, time.Now()
	c.host.idle.push(c)
	return nil
}

func (c *conn) exchange(m *Message, resp *fasthttp.Response) error {
	timeout := c.host.limit.Timeout
	c.sent = time.Now()
	if err := c.SetDeadline(c.sent.Add(timeout)); err != nil {
		return c.classify(err, false)
	}
	if err := c.writeRequest(m); err != nil {
		return c.classify(err, false)
	}
	if err := c.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return c.classify(err, false)
	}
	c.patience = 0
	if _, err := c.reader.Peek(1); err != nil {
		return c.classify(err, false)
	}
	if err := c.readResponse(m, resp); err != nil {
		return c.classify(err, true)
	}
	return nil
}

// writeRequest sends a small request in one write, so that it travels in one
// segment and one TLS record.
func (c *conn) writeRequest(m *Message) error {
	out := append(c.out[:0], m.Method...)
	out = append(append(out, ' '), m.Target...)
	out = append(append(out, " HTTP/1.1\r\nHost: "...), c.host.name...)
	out = append(append(out, "\r\n"...), m.Fields...)
	out = append(out, "\r\n"...)
	body := m.Body
	if len(out)+len(body) <= keptRequestSize {
		out, body = append(out, body...), nil
	}
	c.out = out
	_, err := c.Write(out)
	for err == nil && len(body) > 0 {
		part := body[:min(len(body), keptRequestSize)]
		body = body[len(part):]
		if err = c.SetWriteDeadline(time.Now().Add(c.host.limit.Timeout)); err == nil {
			_, err = c.Write(part)
		}
	}
	return err
}

// readResponse reads the answer. Interim answers (1xx) are read past.
func (c *conn) readResponse(m *Message, resp *fasthttp.Response) error {
	resp.ResetBody()
	resp.Header.DisableNormalizing() // WeChat's names, LogicRet and all, stay as they are
	resp.SkipBody = m.isHead()
	for {
		if err := resp.Header.Read(c.reader); err != nil {
			return err
		}
		if resp.StatusCode() >= fasthttp.StatusOK {
			break
		}
	}
	if resp.SkipBody || !mayHaveBody(resp.StatusCode()) {
		return nil
	}
	c.patience = c.host.limit.Timeout
	if err := resp.ReadBody(c.reader, responseBodySize); err != nil {
		return err
	}
	if resp.Header.ContentLength() == -1 {
		var dropped fasthttp.ResponseHeader // trailers end at this hop
		return dropped.ReadTrailer(c.reader)
	}
	return nil
}

// Read reads from the connection. While the body comes in, every part of it
// has the same time-out anew.
func (c *conn) Read(p []byte) (int, error) {
	if c.patience > 0 {
		if err := c.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
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

func mayHaveBody(status int) bool {
	return status != fasthttp.StatusNoContent && status != fasthttp.StatusNotModified
}
