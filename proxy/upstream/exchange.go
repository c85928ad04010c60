package upstream

import (
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/buffer"
	"wxproxy/proxy/internal/socket"
	"wxproxy/proxy/internal/wire"
)

// smallRequest is how long a request can be that is sent in one write, so that a short
// one travels in one segment and one TLS record.
const smallRequest = 64 << 10

// maxHead is how long the head of an answer may be.
const maxHead = 16 << 10

// maxInterim is how many interim answers (1xx) may come before the answer.
const maxInterim = 16

// roundTrip writes m and reads the answer into resp, and reports whether the head of an
// answer came. Afterwards the connection is idle or closed, unless resp has a stream of
// the body.
func (c *conn) roundTrip(m *Message, resp *fasthttp.Response) (answered bool, err error) {
	whole, err := c.exchange(m, resp)
	if err != nil {
		c.Close()
		return false, err
	}
	keep := whole && !c.ambiguous && !m.needsOwnConn() && !m.Head.EndsConnection(&resp.Header)
	if resp.SkipBody || !wire.MayHaveBody(resp.StatusCode()) || resp.Header.ContentLength() == 0 {
		c.retire(keep)
		return true, nil
	}
	return true, c.receive(resp, keep)
}

// exchange writes m and reads the head of the answer. It reports whether m was sent as a
// whole: WeChat may answer before it has read everything, and close.
func (c *conn) exchange(m *Message, resp *fasthttp.Response) (whole bool, err error) {
	c.partTime = 0
	request := c.host.buffers.Take()
	request.Bytes = c.appendHead(request.Bytes, m)
	first, more, inMemory := m.Body.InMemory()
	if inMemory && len(more) == 0 && len(request.Bytes)+len(first) <= smallRequest {
		request.Bytes = append(request.Bytes, first...)
		if c.direct != nil {
			return c.exchangeDirectly(request, m, resp)
		}
		return c.exchangeSmall(request, m, resp)
	}
	c.part = append(c.part[:0], request.Bytes...)
	if inMemory && c.direct != nil && c.host.tls == nil {
		c.direct.DeferBody(first, more)
		return c.exchangeDirectly(request, m, resp)
	}
	c.host.buffers.Give(request)
	return c.upload(m, 0, resp)
}

// exchangeSmall is exchange for a small request.
func (c *conn) exchangeSmall(request *buffer.Buffer, m *Message, resp *fasthttp.Response) (whole bool, err error) {
	timeout := c.host.config.answerTime()
	if err := c.SetDeadline(c.sent.Add(timeout)); err != nil {
		return false, c.unanswered(err)
	}
	_, failed := c.Write(request.Bytes)
	c.host.buffers.Give(request)
	if failed != nil {
		timeout = earlyAnswerTime
	}
	if err := c.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return false, c.unanswered(err)
	}
	if err = c.readHead(m, resp); err != nil && failed != nil {
		err = c.unanswered(failed)
	}
	return failed == nil, err
}

// appendHead appends the head of the request to dst.
func (c *conn) appendHead(dst []byte, m *Message) []byte {
	dst = append(append(append(dst, m.Method...), ' '), m.Target...)
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), c.host.name...)
	dst = append(append(dst, "\r\n"...), m.Fields...)
	if m.needsOwnConn() {
		dst = append(dst, "Connection: close\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// exchangeDirectly is exchange over a socket of our own for a request that is small or in
// memory: the write is left to the moment when the answer is waited for, so that both take
// one step. What the kernel does not take of a large body is left to upload.
func (c *conn) exchangeDirectly(request *buffer.Buffer, m *Message, resp *fasthttp.Response) (whole bool, err error) {
	if err := c.direct.Allow(c.sent, c.host.config.answerTime()); err != nil {
		return false, c.unanswered(err)
	}
	c.direct.SetWriteStallTimeout(c.host.config.writeTime())
	if c.host.tls == nil {
		c.direct.Defer(request)
	} else {
		c.direct.Defer(c.host.buffers.Take())
		_, err := c.Write(request.Bytes)
		c.host.buffers.Give(request)
		if err != nil {
			return false, c.unanswered(err)
		}
	}
	err = c.direct.Await()
	failed := c.direct.Unsent()
	if err == nil && errors.Is(failed, socket.ErrPartly) {
		return c.upload(m, c.direct.Sent(), resp)
	}
	if err == nil && failed != nil {
		err = c.SetReadDeadline(time.Now().Add(earlyAnswerTime))
	}
	if err != nil {
		err = c.unanswered(err)
	} else {
		err = c.readHead(m, resp)
	}
	if err != nil && failed != nil {
		err = c.unanswered(failed)
	}
	return failed == nil, err
}

// readHead reads the head of the answer, and skips interim answers (1xx). m.Head takes
// an ordinary head; resp gets any other one, and of an ordinary one the status and the
// body's length.
func (c *conn) readHead(m *Message, resp *fasthttp.Response) error {
	resp.ResetBody()
	resp.Header.DisableNormalizing() // WeChat's names, LogicRet and all, stay as they are
	resp.SkipBody = m.isHead()
	c.reader, c.ambiguous = c.host.readers.Take(c), false
	if _, err := c.reader.Peek(1); err != nil {
		return c.unanswered(err)
	}
	if m.Head != nil && !resp.SkipBody && c.readRawHead(m.Head, resp) {
		return nil
	}
	for range maxInterim + 1 {
		head := c.peekHead()
		if len(head) >= maxHead {
			return cut(errLongHead)
		}
		c.ambiguous = framedTwice(head)
		if err := resp.Header.Read(c.reader); err != nil {
			return cut(err)
		}
		switch status := resp.StatusCode(); {
		case status >= fasthttp.StatusOK:
			return nil
		case status == fasthttp.StatusSwitchingProtocols:
			return cut(errSwitched)
		}
	}
	return cut(errInterim)
}

// readRawHead reads an ordinary head that is here as a whole, and reports whether there
// is one.
func (c *conn) readRawHead(head *wire.Head, resp *fasthttp.Response) bool {
	b, err := c.reader.Peek(min(c.reader.Buffered(), maxHead))
	if err != nil {
		return false
	}
	n := head.Read(b)
	if n == 0 {
		return false
	}
	_, _ = c.reader.Discard(n) // which cannot fail, since it was peeked at
	head.CopyTo(resp)
	return true
}
