package front

import (
	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/buffer"
	"wxproxy/proxy/internal/wire"
)

// respond writes the answer, and forgets the request.
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
	ctx.Request.Reset()
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
