package front

import (
	"bufio"
	"fmt"
	"io"
	"net/http/httputil"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/buffer"
	"wxproxy/proxy/internal/wire"
)

// respond writes the answer. What is left of a request that came as a whole is
// overwritten by the next one.
func (v *visit) respond() {
	ctx := &v.seat.ctx
	resp := &ctx.Response
	v.ends = v.ends || ctx.Request.Header.ConnectionClose() || resp.ConnectionClose()
	switch {
	case v.ends:
		resp.SetConnectionClose()
	case !ctx.Request.Header.IsHTTP11():
		resp.Header.Set(fasthttp.HeaderConnection, "keep-alive")
	}
	resp.SkipBody = resp.SkipBody || ctx.IsHead() || !wire.MayHaveBody(resp.StatusCode())
	var err error
	if resp.IsBodyStream() {
		err = v.seat.stream(resp)
	} else {
		err = v.seat.answer(resp)
	}
	v.ends = v.ends || err != nil
	v.headed, v.looked, v.wait = false, false, v.front.limits.IdleTimeout
	v.seat.raw.Reset()
	resp.Reset()
}

// answer writes an answer that is here as a whole.
func (s *seat) answer(resp *fasthttp.Response) error {
	body := resp.Body()
	if !resp.SkipBody && resp.Header.ContentLength() != len(body) {
		resp.Header.SetContentLength(len(body))
	}
	answer := s.head(&resp.Header)
	if !resp.SkipBody {
		answer.Bytes = append(answer.Bytes, body...)
	}
	err := s.send(answer.Bytes)
	s.scratches.Give(answer)
	return err
}

// send writes to the caller, without further ado if that takes everything.
func (s *seat) send(p []byte) error {
	if s.atOnce && !s.caller.mute {
		if p = p[s.caller.direct.TryWrite(p):]; len(p) == 0 {
			return nil
		}
	}
	_, err := s.caller.Write(p)
	return err
}

// stream passes the body of an answer on as it comes. When that fails, the caller
// is to see that the answer is not complete.
func (s *seat) stream(resp *fasthttp.Response) (err error) {
	length := resp.Header.ContentLength()
	toEnd := wire.EndsWithConnection(resp)
	if !toEnd {
		resp.Header.SetContentLength(max(length, -1))
	}
	head := s.head(&resp.Header)
	err = s.send(head.Bytes)
	s.scratches.Give(head)
	switch {
	case err != nil || resp.SkipBody:
	case toEnd:
		err = s.caller.streamToEnd(s.caller, resp)
	case length < 0:
		err = s.streamChunks(resp.BodyStream())
	default:
		err = s.streamLength(resp.BodyStream(), int64(length))
	}
	if closed := resp.CloseBodyStream(); err == nil {
		err = closed
	}
	return err
}

func (s *seat) streamLength(body io.Reader, length int64) error {
	n, err := io.Copy(s.caller, body)
	if err == nil && n != length {
		err = fmt.Errorf("got %d bytes of an answer that has %d: %w", n, length, io.ErrUnexpectedEOF)
	}
	return err
}

func (s *seat) streamChunks(body io.Reader) error {
	out := bufio.NewWriter(s.caller)
	chunks := httputil.NewChunkedWriter(out)
	if _, err := io.Copy(flushing{chunks, out}, body); err != nil {
		return err
	}
	if err := chunks.Close(); err != nil {
		return err
	}
	if _, err := out.WriteString("\r\n"); err != nil {
		return err
	}
	return out.Flush()
}

// flushing writes chunks, and all of them when it is flushed.
type flushing struct {
	io.Writer
	out *bufio.Writer
}

// Flush has the caller read what was written.
func (f flushing) Flush() error { return f.out.Flush() }

// head returns the status line and the header lines of an answer.
func (s *seat) head(h *fasthttp.ResponseHeader) *buffer.Buffer {
	head := s.raw.Take()
	if head == nil {
		head = s.scratches.Take()
		head.Bytes = wire.AppendStatusLine(head.Bytes, h)
	}
	h.SetNoDefaultContentType(true)
	head.Bytes = wire.AppendHeader(head.Bytes, h)
	return head
}
