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

// receive reads the body of the answer if it may be a refusal of the token: if it is
// short, and all of it is here or it begins like JSON. It makes every other body a
// stream, as soon as its length or its first bytes show that it is none
// (docs/decisions/0008).
func (c *conn) receive(resp *fasthttp.Response, keep bool) error {
	length, longest := resp.Header.ContentLength(), errcode.LongestRefusal(resp)
	c.partTime = c.host.config.partTime()
	if 0 < length && length <= min(c.reader.Buffered(), errcode.MaxPacked) { // all of it is here
		err := resp.ReadBody(c.reader, errcode.MaxPacked)
		c.retire(keep && err == nil)
		return err
	}
	c.bodyDeadline = time.Now().Add(c.host.config.wholeTime())
	s := &Stream{conn: c, bodyDeadline: c.bodyDeadline, left: int64(max(length, -1)), keep: keep && length >= -1}
	if length == -1 {
		s.chunks = httputil.NewChunkedReader(c.reader)
	}
	start, here := c.partBuffer()[:0], length == -1 && c.isWholeHere()
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
	s.start, c.bodyDeadline = start, time.Time{}
	resp.SetBodyStream(s, max(length, -1))
	resp.ImmediateHeaderFlush = true
	return nil
}

// isWholeHere reports whether what has come of a chunked body looks like all of it.
func (c *conn) isWholeHere() bool {
	rest, err := c.reader.Peek(c.reader.Buffered())
	return err == nil && bytes.HasSuffix(rest, []byte("0\r\n\r\n"))
}
