package front

import (
	"crypto/tls"
	"io"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/wire"
)

// streamToEnd passes the body of an answer on that has no length and is not in chunks:
// the end of the connection is its end. If it comes too soon, the caller must not take
// it for a good one, so the connection is reset.
func (c *Conn) streamToEnd(to io.Writer, resp *fasthttp.Response) error {
	_, err := io.Copy(to, resp.BodyStream())
	if err != nil {
		c.resetAtClose()
	}
	return err
}

// resetAtClose has the caller see that the connection breaks.
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
		err = c.streamToEnd(ctx.Conn(), resp)
	}
	if secure, ok := ctx.Conn().(*tls.Conn); ok && err == nil {
		_ = secure.CloseWrite() // the caller sees that nothing is missing
	}
	c.mute = true
	_ = resp.CloseBodyStream() // what it says is known
	resp.ResetBody()
}
