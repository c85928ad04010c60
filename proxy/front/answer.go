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

// respond writes the answer. It leaves a request that came as a whole as it is: the next
// one overwrites it, at a time when its memory is used anyway (docs/decisions/0022).
func (l *loop) respond() {
	ctx := &l.request.ctx
	resp := &ctx.Response
	l.ends = l.ends || ctx.Request.Header.ConnectionClose() || resp.ConnectionClose()
	switch {
	case l.ends:
		resp.SetConnectionClose()
	case !ctx.Request.Header.IsHTTP11():
		resp.Header.Set(fasthttp.HeaderConnection, "keep-alive")
	}
	resp.SkipBody = resp.SkipBody || ctx.IsHead() || !wire.MayHaveBody(resp.StatusCode())
	var err error
	if resp.IsBodyStream() {
		err = l.request.stream(resp)
	} else {
		err = l.request.answer(resp)
	}
	l.ends = l.ends || err != nil
	l.headerRead, l.check, l.wait = false, checkOpen, l.front.limits.IdleTimeout
	l.request.answerHead.Reset()
	resp.Reset()
}

// answer writes an answer that is here as a whole.
func (r *Request) answer(resp *fasthttp.Response) error {
	body := resp.Body()
	if !resp.SkipBody && resp.Header.ContentLength() != len(body) {
		resp.Header.SetContentLength(len(body))
	}
	answer := r.head(&resp.Header)
	if !resp.SkipBody {
		answer.Bytes = append(answer.Bytes, body...)
	}
	err := r.send(answer.Bytes)
	r.buffers.Give(answer)
	return err
}

// send writes to the caller: by one system call, if the kernel takes everything.
func (r *Request) send(p []byte) error {
	if r.nonblocking && !r.caller.mute {
		if p = p[r.caller.direct.TryWrite(p):]; len(p) == 0 {
			return nil
		}
	}
	_, err := r.caller.Write(p)
	return err
}

// stream passes the body of an answer on as it comes. When that fails, the caller has to
// see that the answer is not complete.
func (r *Request) stream(resp *fasthttp.Response) (err error) {
	length := resp.Header.ContentLength()
	toEnd := wire.EndsWithConnection(resp)
	if !toEnd {
		resp.Header.SetContentLength(max(length, -1))
	}
	head := r.head(&resp.Header)
	err = r.send(head.Bytes)
	r.buffers.Give(head)
	switch {
	case err != nil || resp.SkipBody:
	case toEnd:
		err = r.caller.streamToEnd(r.caller, resp)
	case length < 0:
		err = r.streamChunks(resp.BodyStream())
	default:
		err = r.streamLength(resp.BodyStream(), int64(length))
	}
	if closed := resp.CloseBodyStream(); err == nil {
		err = closed
	}
	return err
}

// streamLength passes on a body whose length is known.
func (r *Request) streamLength(body io.Reader, length int64) error {
	n, err := io.Copy(r.caller, body)
	if err == nil && n != length {
		err = fmt.Errorf("got %d bytes of an answer that has %d: %w", n, length, io.ErrUnexpectedEOF)
	}
	return err
}

// streamChunks passes on a body in chunks, each as soon as it is here.
func (r *Request) streamChunks(body io.Reader) error {
	out := bufio.NewWriter(r.caller)
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

// Flush sends what was written to the caller.
func (f flushing) Flush() error { return f.out.Flush() }

// head returns the status line and the header lines of an answer.
func (r *Request) head(h *fasthttp.ResponseHeader) *buffer.Buffer {
	head := r.answerHead.Take()
	if head == nil {
		head = r.buffers.Take()
		head.Bytes = wire.AppendStatusLine(head.Bytes, h)
	}
	h.SetNoDefaultContentType(true)
	head.Bytes = wire.AppendHeader(head.Bytes, h)
	return head
}
