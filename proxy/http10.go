package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/valyala/fasthttp"
)

// maxLearned bounds an answer that is complete before it is passed on.
const maxLearned = 16 << 20

// learnLength reads the whole body: HTTP/1.0, which nginx speaks to those behind
// it, knows no other way to tell a complete answer from one that was cut. It
// reports whether the body was so short, and there was room for it: a longer one
// ends with the connection, which is reset if it is cut.
func (p *Proxy) learnLength(resp *fasthttp.Response) (learned bool, err error) {
	whole := &Body{budget: p.bodies, answer: true}
	err = whole.fill(resp.BodyStream(), maxLearned)
	s, ok := resp.BodyStream().(*stream)
	switch {
	case err == nil:
		resp.SetBodyStream(&kept{whole.Reader(), whole}, int(whole.Len()))
		return true, nil
	case ok && (errors.Is(err, errNoRoom) || errors.Is(err, errBodyTooLarge)):
		s.held = &kept{whole.Reader(), whole}
		resp.Header.Del(fasthttp.HeaderTransferEncoding)
		resp.Header.SetContentLength(noLength)
		return false, nil
	}
	whole.release()
	return false, fmt.Errorf("%w: %w", ErrBroken, err)
}

// kept is a stream of a Body that ends with it.
type kept struct {
	io.Reader
	body *Body
}

// Close gives the body back.
func (k *kept) Close() error {
	k.body.release()
	return nil
}

// readHeld reads what was read already before the length of the answer turned out
// to stay unknown.
func (s *stream) readHeld(p []byte) (n int) {
	n, err := s.held.Read(p)
	if err != nil {
		s.dropHeld()
	}
	return n
}

func (s *stream) dropHeld() {
	if s.held != nil {
		_ = s.held.Close() // which has nothing to say
		s.held = nil
	}
}

// endsWithConnection reports whether the end of the connection is that of the
// answer.
func endsWithConnection(resp *fasthttp.Response) bool {
	return resp.IsBodyStream() && resp.Header.ContentLength() == noLength
}

// streamToEnd passes the body of such an answer on. An end that comes too soon is
// no end that could be taken for a good one.
func (c *callerConn) streamToEnd(to io.Writer, resp *fasthttp.Response) error {
	_, err := io.Copy(to, resp.BodyStream())
	if err != nil {
		c.resetAtClose()
	}
	return err
}

// resetAtClose has the caller see that the connection breaks.
func (c *callerConn) resetAtClose() {
	if tcp, ok := c.Conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0) // otherwise it ends as usual
	}
}

// SetLinger says what Close does about what was not sent.
func (s *socket) SetLinger(seconds int) error {
	if tcp, ok := s.Conn.(*net.TCPConn); ok {
		return tcp.SetLinger(seconds)
	}
	return errors.ErrUnsupported
}

// finish writes such an answer in place of fasthttp, which would write it in
// chunks. Nothing is written behind it.
func finish(ctx *fasthttp.RequestCtx) {
	c, resp := callerOf(ctx), &ctx.Response
	if c == nil || c.direct != nil || !endsWithConnection(resp) {
		return
	}
	head := appendHeader(appendStatusLine(nil, &resp.Header), &resp.Header)
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

func appendStatusLine(dst []byte, h *fasthttp.ResponseHeader) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = append(strconv.AppendInt(dst, int64(h.StatusCode()), 10), ' ')
	if message := h.StatusMessage(); len(message) > 0 {
		dst = append(dst, message...)
	} else {
		dst = append(dst, fasthttp.StatusMessage(h.StatusCode())...)
	}
	return append(dst, "\r\n"...)
}

// appendHeader appends the lines of h to dst, and the empty one.
func appendHeader(dst []byte, h *fasthttp.ResponseHeader) []byte {
	for name, value := range h.All() {
		dst = append(append(append(append(dst, name...), ": "...), value...), "\r\n"...)
	}
	return append(dst, "\r\n"...)
}
