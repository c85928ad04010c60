package upstream

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/socket"
	"wxproxy/proxy/internal/wire"
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

// smallRequest is how long a request can be that is sent in one write, so that it
// travels in one segment and one TLS record if it is short.
const smallRequest = 64 << 10

// errStale says that a kept-alive connection was closed by WeChat before it
// took the request: nothing of an answer was read.
var errStale = errors.New("the kept-alive connection was closed")

// errSwitched is an answer that changes the protocol, which nobody asked for.
var errSwitched = errors.New("WeChat switched protocols")

// maxInterim is how many interim answers (1xx) may come before the answer.
const maxInterim = 16

// errInterim is one more of them.
var errInterim = errors.New("WeChat sends interim answers without an end")

// roundTrip writes m and reads the answer into resp. Afterwards the connection
// is idle or closed, unless resp has a stream of the body.
func (c *conn) roundTrip(m *Message, resp *fasthttp.Response) error {
	whole, err := c.exchange(m, resp)
	if err != nil {
		c.Close()
		return err
	}
	c.answered = true
	keep := whole && !c.ambiguous && !m.isAlone() && !m.Head.EndsConnection(&resp.Header)
	if resp.SkipBody || !wire.MayHaveBody(resp.StatusCode()) || resp.Header.ContentLength() == 0 {
		c.retire(keep)
		return nil
	}
	return c.receive(resp, keep)
}

// retire makes the connection idle, or closes it.
func (c *conn) retire(keep bool) {
	if !keep || c.saidMore() {
		c.Close()
		return
	}
	c.host.readers.Give(c.reader)
	c.reader, c.reused, c.idleFrom = nil, true, time.Now()
	c.host.idle.push(c)
}

// exchange writes m and reads the header of the answer. It reports whether m was
// sent as a whole: WeChat may answer before it has read everything, and close.
func (c *conn) exchange(m *Message, resp *fasthttp.Response) (sent bool, err error) {
	c.patience = 0
	request := c.host.scratches.Take()
	request.Bytes = c.appendHead(request.Bytes, m)
	body, whole := m.Body.InMemory()
	if !whole || len(request.Bytes)+len(body) > smallRequest {
		c.out = append(c.out[:0], request.Bytes...)
		c.host.scratches.Give(request)
		return c.upload(m, resp)
	}
	request.Bytes = append(request.Bytes, body...)
	if c.direct != nil {
		return c.exchangeDirectly(request, m, resp)
	}
	timeout := c.host.limit.answerTime()
	if err := c.SetDeadline(c.sent.Add(timeout)); err != nil {
		return false, c.classify(err, false)
	}
	_, failed := c.Write(request.Bytes)
	c.host.scratches.Give(request)
	if failed != nil {
		timeout = lastWords
	}
	if err := c.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return false, c.classify(err, false)
	}
	if err = c.readHeader(m, resp); err != nil && failed != nil {
		err = c.classify(failed, false)
	}
	return failed == nil, err
}

// appendHead appends the head of the request to dst.
func (c *conn) appendHead(dst []byte, m *Message) []byte {
	dst = append(append(append(dst, m.Method...), ' '), m.Target...)
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), c.host.name...)
	dst = append(append(dst, "\r\n"...), m.Fields...)
	if m.isAlone() {
		dst = append(dst, "Connection: close\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// readHeader reads the header of the answer. Interim answers (1xx) are read past.
func (c *conn) readHeader(m *Message, resp *fasthttp.Response) error {
	resp.ResetBody()
	resp.Header.DisableNormalizing() // WeChat's names, LogicRet and all, stay as they are
	resp.SkipBody = m.isHead()
	c.reader, c.ambiguous = c.host.readers.Take(c), false
	if _, err := c.reader.Peek(1); err != nil {
		return c.classify(err, false)
	}
	if m.Head != nil && !resp.SkipBody && c.readRaw(m.Head, resp) {
		return nil
	}
	for range maxInterim + 1 {
		c.ambiguous = framedTwice(c.peekHead())
		if err := resp.Header.Read(c.reader); err != nil {
			return c.classify(err, true)
		}
		switch status := resp.StatusCode(); {
		case status >= fasthttp.StatusOK:
			return nil
		case status == fasthttp.StatusSwitchingProtocols:
			return c.classify(errSwitched, true)
		}
	}
	return c.classify(errInterim, true)
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
