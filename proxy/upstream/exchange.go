package upstream

import (
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/buffer"
	"wxproxy/proxy/internal/wire"
)

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

// exchange writes m and reads the header of the answer. It reports whether m was
// sent as a whole: WeChat may answer before it has read everything, and close.
func (c *conn) exchange(m *Message, resp *fasthttp.Response) (sent bool, err error) {
	c.patience = 0
	request := c.host.buffers.Take()
	request.Bytes = c.appendHead(request.Bytes, m)
	body, whole := m.Body.InMemory()
	if !whole || len(request.Bytes)+len(body) > smallRequest {
		c.out = append(c.out[:0], request.Bytes...)
		c.host.buffers.Give(request)
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
	c.host.buffers.Give(request)
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

// exchangeDirectly writes the request at the moment when the answer is waited for.
func (c *conn) exchangeDirectly(request *buffer.Buffer, m *Message, resp *fasthttp.Response) (whole bool, err error) {
	if err := c.direct.Allow(c.sent, c.host.limit.answerTime()); err != nil {
		return false, c.classify(err, false)
	}
	c.direct.SetWriteStallTimeout(c.host.limit.writeTime())
	if c.host.tls == nil {
		c.direct.Defer(request)
	} else {
		c.direct.Defer(c.host.buffers.Take())
		_, err := c.Write(request.Bytes)
		c.host.buffers.Give(request)
		if err != nil {
			return false, c.classify(err, false)
		}
	}
	err = c.direct.Await()
	failed := c.direct.Unsent()
	if err == nil && failed != nil {
		err = c.SetReadDeadline(time.Now().Add(lastWords))
	}
	if err != nil {
		err = c.classify(err, false)
	} else {
		err = c.readHeader(m, resp)
	}
	if err != nil && failed != nil {
		err = c.classify(failed, false)
	}
	return failed == nil, err
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

// readRaw reads an ordinary header that is here as a whole.
func (c *conn) readRaw(a *wire.Head, resp *fasthttp.Response) bool {
	b, err := c.reader.Peek(c.reader.Buffered())
	if err != nil {
		return false
	}
	n := a.Read(b)
	if n == 0 {
		return false
	}
	_, _ = c.reader.Discard(n) // it is there
	a.CopyTo(resp)
	return true
}
