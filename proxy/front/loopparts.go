package front

import (
	"errors"
	"io"
	"time"

	"github.com/valyala/fasthttp"
)

// answerInParts answers a request that has begun to come, as far as it can be
// read.
func (v *visit) answerInParts() {
	s := v.seat
	s.atOnce = false
	s.ctx.Request.ResetBody() // that of the last request
	proceed, err := v.readInParts()
	switch {
	case errors.Is(err, io.EOF):
		v.ends = true
		return
	case err != nil:
		v.front.refuseUnreadable(&s.ctx, err)
		s.ctx.SetConnectionClose()
	case proceed:
		v.front.handle(&s.ctx)
	}
	v.respond()
	s.ctx.Request.Reset()
}

// readInParts reads a request's header, and nothing of its body: who may not send
// one is refused without it. It reports whether the request is to be handled: one that was announced
// may be refused already.
func (v *visit) readInParts() (proceed bool, err error) {
	c, in, ctx := v.caller, v.seat.in, &v.seat.ctx
	if !v.headed {
		if err := c.SetReadDeadline(time.Now().Add(v.front.limits.HeaderTimeout)); err != nil {
			return false, err
		}
		if err := ctx.Request.Header.Read(in); err != nil {
			return false, err
		}
	}
	spellExpectation(&ctx.Request.Header)
	if ctx.Request.MayContinue() {
		if status := v.front.expect(ctx); status != fasthttp.StatusContinue {
			ctx.SetConnectionClose()
			return false, nil
		}
		if _, err := io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return false, err
		}
	}
	return true, ctx.Request.ContinueReadBodyStream(in, 0, false)
}
