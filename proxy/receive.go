package proxy

import (
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	// drainSize is how much of a refused request's body is read so that the
	// connection can be used again.
	drainSize = 256 << 10

	// drainTime is how long that may take: the answer waits for it.
	drainTime = 2 * time.Second
)

// bodyLength is what the header says: -1 for parts of whatever length, a lower
// number for no body at all.
func (x *exchange) bodyLength() int64 { return int64(x.ctx.Request.Header.ContentLength()) }

// checkLength refuses a body that is known to be too large before it is read.
func (x *exchange) checkLength() error {
	if x.bodyLength() > x.maxBody {
		return refuse(bodyTooLarge, "the body is larger than max_body allows")
	}
	return nil
}

// readBody takes in the whole body, so that a caller which stalls or leaves
// never holds a connection to WeChat, and makes its length known.
func (x *exchange) readBody() error {
	if stream := x.ctx.RequestBodyStream(); stream == nil {
		x.body.borrow(x.ctx.Request.Body())
	} else if err := x.takeIn(stream); err != nil {
		return err
	}
	if m := &x.message; x.body.size > 0 || x.fields.length || x.fields.encoding || !m.repeatable() {
		m.Fields = append(m.Fields, "Content-Length: "...)
		m.Fields = strconv.AppendInt(m.Fields, x.body.size, 10)
		m.Fields = append(m.Fields, "\r\n"...)
	}
	return nil
}

func (x *exchange) takeIn(stream io.Reader) error {
	length := x.bodyLength()
	x.caller.awaitBody(true)
	err := x.body.fill(stream, x.maxBody)
	x.caller.awaitBody(false)
	// At the connection's end, fasthttp's streams end as they do at their own.
	if err == nil && (length >= 0 && x.body.size != length || x.caller.hasEnded()) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		x.unread = false
		return nil
	}
	return x.explain(err)
}

// explain returns the refusal of a body that could not be taken in.
func (x *exchange) explain(err error) error {
	var onDisk *spoolError
	var network net.Error
	switch {
	case errors.Is(err, errBodyTooLarge):
		return refuse(bodyTooLarge, "the body is larger than max_body allows")
	case errors.As(err, &onDisk):
		return onDisk
	}
	x.fields.close = true
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(badRequest, "the connection ended before the body did")
	case errors.As(err, &network) && network.Timeout():
		return refuse(badRequest, "the body did not arrive in time")
	}
	return refuse(badRequest, "the body is not one as RFC 9112 has it")
}

// leave sees to it that no byte of the request is taken for the next one: what
// is unread of a small body is read, otherwise the connection ends.
func (x *exchange) leave(refused bool) {
	x.caller.awaitBody(false) // also when a panic ended it
	if x.unread && !x.fields.close && !x.drain() {
		x.fields.close = true
	}
	if x.fields.close && (refused || x.fields.encoding) {
		x.caller.linger() // there may be more that nobody reads
	}
}

// drain reads the rest of the body, unless it is long or slow.
func (x *exchange) drain() bool {
	stream := x.ctx.RequestBodyStream()
	if stream == nil || x.bodyLength()-x.body.size > drainSize || x.caller == nil {
		return false
	}
	if err := x.caller.SetReadDeadline(time.Now().Add(drainTime)); err != nil {
		return false
	}
	n, err := io.Copy(io.Discard, io.LimitReader(stream, drainSize+1))
	return err == nil && n <= drainSize && !x.caller.hasEnded()
}

// expectContinue decides about a request whose caller waits to be told to send
// the body. One that is refused is refused without it.
func (p *Proxy) expectContinue(ctx *fasthttp.RequestCtx, maxBody int64) int {
	x := p.begin(ctx, maxBody)
	defer p.release(x)
	x.began = time.Now() // the context has the time of the request before
	err := p.safely(x, p.judge)
	if err == nil {
		return fasthttp.StatusContinue
	}
	x.refuse(err)
	x.caller.linger()
	p.conclude(x, err)
	return ctx.Response.StatusCode()
}

// answerUnreadable answers what is no request, unless nobody spoke.
func (p *Proxy) answerUnreadable(ctx *fasthttp.RequestCtx, refusal *failure) {
	x := p.begin(ctx, 0)
	defer p.release(x)
	x.began = time.Now() // it never arrived
	x.refuse(refusal)
	if c := x.caller; c == nil || c.spoke {
		p.conclude(x, refusal)
	}
}
