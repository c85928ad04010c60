package proxy

import "github.com/valyala/fasthttp"

// exchangeDirectly writes what is in the buffer at the moment when the answer is
// waited for.
func (c *conn) exchangeDirectly(m *Message, resp *fasthttp.Response) (whole bool, err error) {
	if err := c.direct.allow(c.sent, c.host.limit.Timeout); err != nil {
		return false, c.classify(err, false)
	}
	c.direct.unsent, c.direct.writePatience = nil, c.host.limit.Timeout
	if c.host.tls == nil {
		c.direct.deferred = c.out
	} else {
		c.direct.defers = true
		if _, err := c.Write(c.out); err != nil {
			return false, c.classify(err, false)
		}
	}
	err = c.readHeader(m, resp)
	failed := c.direct.unsent
	if err != nil && failed != nil {
		err = c.classify(failed, false)
	}
	return failed == nil, err
}

// readRaw reads an ordinary header that is here as a whole.
func (c *conn) readRaw(a *rawAnswer, resp *fasthttp.Response) bool {
	b, err := c.reader.Peek(c.reader.Buffered())
	if err != nil {
		return false
	}
	n := a.read(b)
	if n == 0 {
		return false
	}
	_, _ = c.reader.Discard(n) // it is there
	resp.SetStatusCode(a.status)
	resp.Header.SetContentLength(a.length)
	return true
}

// isSilent reports whether nothing can be read from the connection, which is idle
// and belongs to the caller of isSilent alone, and whether it is open.
func (c *conn) isSilent() bool {
	if c.direct != nil {
		return c.direct.isSilent()
	}
	return isSilent(c.socket)
}
