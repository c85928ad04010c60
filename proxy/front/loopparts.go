package front

import (
	"errors"
	"io"
	"time"

	"github.com/valyala/fasthttp"
)

// answerInParts answers a request that has begun to come, as far as it can be read.
func (l *loop) answerInParts() {
	r := l.request
	r.nonblocking = false
	proceed, err := l.readInParts()
	switch {
	case errors.Is(err, io.EOF):
		l.ends = true
		r.ctx.Request.Reset()
		return
	case err != nil:
		l.front.refuseUnreadable(&r.ctx, err)
		r.ctx.SetConnectionClose()
	case proceed:
		l.front.handle(&r.ctx)
	}
	l.respond()
}

// readInParts reads a request's header, and nothing of its body: callers that may not
// send one are refused without it. It reports whether the request is still to be
// handled; one that was announced by Expect may be refused already.
func (l *loop) readInParts() (proceed bool, err error) {
	c, in, ctx := l.caller, l.request.in, &l.request.ctx
	if !l.headerRead {
		if err := c.SetReadDeadline(time.Now().Add(l.front.limits.HeaderTimeout)); err != nil {
			return false, err
		}
		if err := ctx.Request.Header.Read(in); err != nil {
			return false, err
		}
	}
	spellExpectation(&ctx.Request.Header)
	if ctx.Request.MayContinue() {
		if status := l.front.expect(ctx); status != fasthttp.StatusContinue {
			ctx.SetConnectionClose()
			return false, nil
		}
		if _, err := io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return false, err
		}
	}
	return true, ctx.Request.ContinueReadBodyStream(in, 0, false)
}
