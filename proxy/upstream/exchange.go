package upstream

import (
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/buffer"
	"wxproxy/proxy/internal/socket"
	"wxproxy/proxy/internal/wire"
)

// exchangeDirectly writes the request at the moment when the answer is waited for.
func (c *conn) exchangeDirectly(request *buffer.Buffer, m *Message, resp *fasthttp.Response) (whole bool, err error) {
	if err := c.direct.Allow(c.sent, c.host.limit.answerTime()); err != nil {
		return false, c.classify(err, false)
	}
	c.direct.SetWritePatience(c.host.limit.writeTime())
	if c.host.tls == nil {
		c.direct.Defer(request)
	} else {
		c.direct.Defer(c.host.scratches.Take())
		_, err := c.Write(request.Bytes)
		c.host.scratches.Give(request)
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
	a.Announce(resp)
	return true
}

// isSilent reports whether nothing can be read from the connection, which is idle
// and belongs to the caller of isSilent alone, and whether it is open.
func (c *conn) isSilent() bool {
	if c.direct != nil {
		return c.direct.IsSilent()
	}
	return socket.IsSilent(c.socket)
}
