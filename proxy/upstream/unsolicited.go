package upstream

import (
	"errors"
	"os"
	"time"
)

// saidMore reports whether WeChat has sent more than its answer, as far as that
// has left the socket already. TLS has a buffer of its own: what came in the
// answer's last segment is there, where looking at the socket does not find it,
// and would be taken for the answer to the next request.
func (c *conn) saidMore() bool {
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
