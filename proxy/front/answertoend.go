package front

import (
	"crypto/tls"
	"io"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/wire"
)

// streamToEnd passes the body of such an answer on. An end that comes too soon is
// no end that could be taken for a good one.
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

// finish writes such an answer in place of fasthttp, which would write it in
// chunks. Nothing is written behind it.
func finish(ctx *fasthttp.RequestCtx) {
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

// LimitSendBuffer bounds what the kernel holds for the caller, so that the pace of
// the caller is felt where the answer comes from.
func (c *Conn) LimitSendBuffer() {
	if c == nil {
		return
	}
	if buffered, ok := c.Conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = buffered.SetWriteBuffer(sendBuffer) // without it, more is held
	}
}
