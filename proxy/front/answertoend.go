package front

import (
	"crypto/tls"
	"io"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/wire"
)

// resetAtClose has the caller see that the connection breaks. The body of an answer that
// has no length and is not in chunks ends with the connection: if it ends too soon, the
// caller must not take it for a good one.
func (c *Conn) resetAtClose() {
	if tcp, ok := c.Conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0) // otherwise it ends as usual
	}
}

// writeToEnd writes an answer that ends with the connection in place of fasthttp's
// server, which would write it in chunks. Nothing is written behind it. It leaves any
// other answer, and what a loop serves, to those who write these.
func writeToEnd(ctx *fasthttp.RequestCtx) {
	c, resp := ConnOf(ctx), &ctx.Response
	if c == nil || c.direct != nil || !wire.EndsWithConnection(resp) {
		return
	}
	head := wire.AppendHeader(wire.AppendStatusLine(nil, &resp.Header), &resp.Header)
	_, err := ctx.Conn().Write(head)
	if err == nil {
		if _, err = io.Copy(ctx.Conn(), resp.BodyStream()); err != nil {
			c.resetAtClose()
		}
	}
	if secure, ok := ctx.Conn().(*tls.Conn); ok && err == nil {
		_ = secure.CloseWrite() // the caller sees that nothing is missing
	}
	c.mute = true
	_ = resp.CloseBodyStream() // what it says is known
	resp.ResetBody()
}
