package upstream

import (
	"bytes"
	"errors"
	"io"
	"net/http/httputil"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/errcode"
)

// receive reads the body of the answer if that may refuse the token or quote it, which
// is decided as early as can be: if all of it is here, or it begins like JSON, and it is
// short. Every other one it leaves to be streamed.
func (c *conn) receive(resp *fasthttp.Response, keep bool) error {
	length, longest := resp.Header.ContentLength(), errcode.LongestRefusal(resp)
	c.patience = c.host.limit.partTime()
	if 0 < length && length <= min(c.reader.Buffered(), errcode.MaxPacked) { // all of it is here
		err := resp.ReadBody(c.reader, errcode.MaxPacked)
		c.retire(keep && err == nil)
		return err
	}
	c.heldTill = time.Now().Add(c.host.limit.heldTime())
	s := &stream{conn: c, heldTill: c.heldTill, left: int64(max(length, -1)), keep: keep && length >= -1}
	if length == -1 {
		s.parts = httputil.NewChunkedReader(c.reader)
	}
	start, here := c.buffer()[:0], length == -1 && c.endsHere()
	for length <= longest && len(start) <= longest && (here || errcode.BeginsJSON(start)) {
		n, err := s.next(start[len(start) : longest+1])
		start = start[:len(start)+n]
		if errors.Is(err, io.EOF) {
			resp.SetBody(start)
			c.retire(s.keep)
			return nil
		}
		if err != nil {
			c.Close()
			return err
		}
	}
	s.start, c.heldTill = start, time.Time{}
	resp.SetBodyStream(s, max(length, -1))
	resp.ImmediateHeaderFlush = true
	return nil
}

// endsHere reports whether what has come of the body looks like all of a chunked one.
func (c *conn) endsHere() bool {
	rest, err := c.reader.Peek(c.reader.Buffered())
	return err == nil && bytes.HasSuffix(rest, []byte("0\r\n\r\n"))
}
