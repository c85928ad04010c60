package front

import (
	"fmt"
	"io"
	"strconv"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/buffer"
	"wxproxy/proxy/internal/wire"
)

// stream passes the body of an answer on as it comes. When that fails, the caller has to
// see that the answer is not complete.
func (r *Request) stream(resp *fasthttp.Response) (err error) {
	length := resp.Header.ContentLength()
	toEnd := wire.EndsWithConnection(resp)
	if !toEnd {
		length = max(length, -1)
		resp.Header.SetContentLength(length)
	}
	out := streamed{request: r, chunked: length == -1, unsent: r.head(&resp.Header)}
	if resp.SkipBody {
		err = out.Flush()
	} else if err = out.all(resp.BodyStream(), int64(length)); err != nil && toEnd {
		r.caller.resetAtClose() // it must not take the end for a good one
	}
	r.buffers.Give(out.unsent)
	if closed := resp.CloseBodyStream(); err == nil {
		err = closed
	}
	return err
}

// A streamed answer is written as it comes, each part as soon as it is here. What is here
// together with the head goes with the head.
type streamed struct {
	request *Request
	unsent  *buffer.Buffer // the head, until it is sent; then empty
	chunked bool
}

// all passes a body on as a whole, which has that length; below 0: it is unknown.
func (s *streamed) all(body io.Reader, length int64) error {
	n, err := io.Copy(s, body)
	switch {
	case err != nil:
		return err
	case s.chunked:
		s.unsent.Bytes = append(s.unsent.Bytes, "0\r\n\r\n"...)
	case length >= 0 && n != length:
		return fmt.Errorf("got %d bytes of an answer that has %d: %w", n, length, io.ErrUnexpectedEOF)
	}
	return s.Flush()
}

// Write sends a part of the body.
func (s *streamed) Write(p []byte) (int, error) {
	switch {
	case len(p) == 0: // would be the last chunk
		return 0, nil
	case s.chunked:
		size := strconv.AppendInt(s.unsent.Bytes, int64(len(p)), 16)
		s.unsent.Bytes = append(append(append(size, "\r\n"...), p...), "\r\n"...)
	case len(s.unsent.Bytes) == 0:
		return len(p), s.request.send(p)
	default:
		s.unsent.Bytes = append(s.unsent.Bytes, p...)
	}
	return len(p), s.Flush()
}

// Flush sends what is not sent.
func (s *streamed) Flush() error {
	if len(s.unsent.Bytes) == 0 {
		return nil
	}
	err := s.request.send(s.unsent.Bytes)
	s.unsent.Bytes = s.unsent.Bytes[:0]
	return err
}
