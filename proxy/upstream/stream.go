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

// A stream is the body of an answer that the caller reads at its own pace. It
// has the connection to itself until it ends or is closed. One goroutine at a
// time may use it.
type stream struct {
	conn     *conn
	parts    io.Reader     // of a chunked body
	left     int64         // of a body with a length; else -1
	start    []byte        // what has been read already
	held     io.ReadCloser // likewise, in front of that; nil: nothing
	heldTill time.Time     // when all of it has to be here, if it is held
	keep     bool          // the connection may be used again
	release  func()        // gives back the connection's slot; may be nil
	ended    func(error)
	over     bool
}

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

// Read reads the next part of the body. io.EOF says that it was complete.
func (s *stream) Read(p []byte) (n int, err error) {
	if s.over {
		return 0, errOver
	}
	if s.held != nil {
		if n = s.readHeld(p); n > 0 {
			return n, nil
		}
	}
	if len(s.start) > 0 {
		n = copy(p, s.start)
		s.start = s.start[n:]
		return n, nil
	}
	n, err = s.next(p)
	switch {
	case errors.Is(err, io.EOF):
		s.end(nil)
	case err != nil:
		s.end(err)
	}
	return n, err
}

// next reads from the connection: bytes, or the reason why there are no more,
// never both.
func (s *stream) next(p []byte) (n int, err error) {
	switch {
	case s.parts != nil:
		n, err = s.parts.Read(p)
		if n == 0 && errors.Is(err, io.EOF) {
			err = s.skipTrailer()
		}
	case s.left == 0:
		return 0, io.EOF
	case s.left > 0:
		n, err = s.conn.reader.Read(p[:min(int64(len(p)), s.left)])
		s.left -= int64(n)
		if errors.Is(err, io.EOF) {
			err = errCut
		}
	default:
		n, err = s.conn.reader.Read(p)
	}
	switch {
	case n > 0:
		return n, nil // an error comes again
	case err == nil || errors.Is(err, io.EOF):
		return 0, err
	}
	return 0, s.conn.classify(err, true)
}

// skipTrailer reads past the trailer, which ends at this hop.
func (s *stream) skipTrailer() error {
	var dropped fasthttp.ResponseHeader
	err := dropped.ReadTrailer(s.conn.reader)
	switch {
	case err == nil:
		return io.EOF
	case errors.Is(err, io.EOF):
		return errCut
	}
	return err
}

// ErrLeftAnswer says that the caller left while its answer was passed on. Nobody who
// waits for a connection is meant: that is ErrLeftQueue.
var ErrLeftAnswer = errors.New("the caller left before the answer was complete")

var (
	errCut  = errors.New("the answer was cut")
	errOver = errors.New("the answer is over")
)

// WriteTo passes the body on as it comes.
func (s *stream) WriteTo(w io.Writer) (total int64, err error) {
	flusher, _ := w.(interface{ Flush() error })
	for {
		n, err := s.Read(s.conn.buffer())
		if n > 0 {
			written, err := w.Write(s.conn.out[:n])
			total += int64(written)
			if err == nil && flusher != nil {
				err = flusher.Flush()
			}
			if err != nil {
				return total, err
			}
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// SupportsBodyWriteTo tells fasthttp that WriteTo does all that Read does.
func (s *stream) SupportsBodyWriteTo() bool { return true }

// Close ends the transfer. What WeChat would still send is not waited for.
func (s *stream) Close() error {
	s.end(ErrLeftAnswer)
	return nil
}

// end gives the connection back, once.
func (s *stream) end(err error) {
	if s.over {
		return
	}
	s.over = true
	s.dropHeld()
	s.conn.retire(s.keep && err == nil)
	if s.release != nil {
		s.release()
	}
	if s.ended != nil {
		s.ended(err)
	}
}
