package proxy

import (
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/lograte"
	"wxproxy/proxy/internal/body"
)

const (
	// drainSize is how much of a refused request's body is read so that the
	// connection can be used again.
	drainSize = 256 << 10

	// drainTime is how long that may take: the answer waits for it.
	drainTime = 2 * time.Second

	// smallBody bounds a body that is read before the caller is known. It is kept in
	// memory; an SDK's request for a token has 200 bytes.
	smallBody = 4 << 10
)

// bodyLength returns what the header says of the body's length: -1 if it comes in
// chunks, -2 if there is none.
func (x *exchange) bodyLength() int64 { return int64(x.ctx.Request.Header.ContentLength()) }

// expectSmallBody limits the body to what a caller may send before it has proved who it
// is.
func (x *exchange) expectSmallBody() {
	x.smallBody, x.maxBody = true, min(x.maxBody, smallBody)
}

// expectMembers limits a body that may say who calls, and for which account, to the size
// that is searched for that.
func (x *exchange) expectMembers() {
	x.hasMembers = x.bodyLength() > 0 || x.bodyLength() == -1
	x.maxBody = min(x.maxBody, body.MemorySize)
}

// awaitBody leaves it to the body to say for which account a request is, and who calls if
// the header does not prove that, as err says: SDKs may send appid and secret in the body.
// As long as the caller is unknown, only a small body is read.
func (x *exchange) awaitBody(err error) error {
	if errors.Is(err, errNoKey) && x.bodyLength() <= smallBody {
		x.expectSmallBody()
		return nil
	}
	return err
}

// checkLength refuses a body that is known to be too large before it is read.
func (x *exchange) checkLength() error {
	if x.bodyLength() > x.maxBody {
		return x.tooLarge()
	}
	return nil
}

// takeBody reads the body if the path has a use for one, and decides what the header
// left open.
func (p *Proxy) takeBody(x *exchange) error {
	if x.route.traits.hasNoBody {
		return nil
	}
	if err := x.readBody(); err != nil {
		return err
	}
	if err := x.route.class.admitBody(p, x); err != nil {
		return err
	}
	x.announceLength()
	return nil
}

// readBody reads the whole body, so that a caller that stalls or leaves never occupies
// a connection to WeChat.
func (x *exchange) readBody() error {
	stream, length := x.ctx.RequestBodyStream(), x.bodyLength()
	if stream == nil {
		x.body.Borrow(x.ctx.Request.Body())
		return nil
	}
	x.body.Expect(length)
	x.body.CountFor(nil)
	if x.client != nil && x.client.bodies != nil {
		x.body.CountFor(&x.client.bodies.taken)
	}
	x.caller.BeginBody(x.smallBody)
	err := x.body.Fill(stream, x.maxBody)
	x.caller.EndBody()
	// fasthttp's streams end in the same way at the body's end and at the connection's.
	if err == nil && (length >= 0 && x.body.Len() != length || x.caller.HasEnded()) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return x.bodyFailure(err)
	}
	x.unread = false
	return nil
}

// bodyFailure returns the refusal of a body that could not be read.
func (x *exchange) bodyFailure(err error) error {
	var network net.Error
	var full *body.NoRoomError
	switch {
	case errors.Is(err, body.ErrTooLarge):
		return x.tooLarge()
	case errors.As(err, &full):
		return x.noRoom(full)
	}
	x.closes = true
	if x.caller.IsCut() {
		return &failure{problem: upstreamBusy, detail: "wxproxy ends, and the body was not here by then; nothing was sent", retryAfter: time.Second}
	}
	if failed := x.caller.ReadError(); failed != nil {
		err = failed // fasthttp may take it for a fault of the body
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return refuse(badRequest, "the connection ended before the body did")
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, body.ErrSlow):
		return refuse(badRequest, "the body did not arrive in time")
	}
	return refuse(badRequest, malformed(err))
}

// clientBodies are the bodies of one client that are under way.
type clientBodies struct {
	taken  body.ClientUsage
	noRoom lograte.Seldom // of the line that says that they take the client's share
}

// noRoom returns the refusal of a body, and logs whose bodies take the room.
func (x *exchange) noRoom(why *body.NoRoomError) error {
	log := x.proxy.config.Log
	if why.IsOfClient() {
		if x.client.bodies.noRoom.Allows() {
			log.Warn("requests of a client are refused: its bodies under way take all the room that one client may have", append(why.Taken(), "client", x.client.Name)...)
		}
		return &failure{problem: upstreamBusy, detail: "this client's request bodies under way take all the room that one client may have: it is to send fewer at a time; nothing was sent", retryAfter: time.Second}
	}
	if x.proxy.door.noRoom.Allows() {
		log.Warn("requests are refused: the bodies under way take all the room that there is for them", why.Taken()...)
	}
	return &failure{problem: upstreamBusy, detail: "the request bodies under way take all the room that the proxy has for ones of this size; nothing was sent", retryAfter: time.Second}
}

// announceLength adds the body's Content-Length to the header that WeChat will read.
func (x *exchange) announceLength() {
	if m := &x.message; x.body.Len() > 0 || x.fields.length || x.fields.encoding || !m.IsRepeatable() {
		m.Fields = append(m.Fields, "Content-Length: "...)
		m.Fields = strconv.AppendInt(m.Fields, x.body.Len(), 10)
		m.Fields = append(m.Fields, "\r\n"...)
	}
}

// discardRest keeps the rest of this request from being read as the next request: it
// reads what is left of a small body, and ends the connection after a longer one.
func (x *exchange) discardRest(refused bool) {
	x.caller.EndBody()           // also when a panic ended it
	isUnknown := x.client == nil // its answer, a refusal or health, waits for no body
	if x.unread && !x.closes && (isUnknown || !x.drain()) {
		x.closes = true
	}
	if x.closes && (refused || isUnknown || x.fields.encoding) {
		x.caller.Linger() // the caller may still be sending
	}
}

// drain reads the rest of the body, unless it is long or slow.
func (x *exchange) drain() bool {
	stream := x.ctx.RequestBodyStream()
	if stream == nil || x.bodyLength()-x.body.Len() > drainSize || x.caller == nil {
		return false
	}
	if err := x.caller.SetReadDeadline(time.Now().Add(drainTime)); err != nil {
		return false
	}
	n, err := io.Copy(io.Discard, io.LimitReader(stream, drainSize+1))
	return err == nil && n <= drainSize && !x.caller.HasEnded()
}

// malformed says what is wrong with a body in chunks, given fasthttp's error, which may
// quote it. Only those about the trailer hold another error.
func malformed(err error) string {
	if _, isTooLong := errors.AsType[*fasthttp.ErrSmallBuffer](err); isTooLong {
		return "the trailer of the body is longer than 16 KiB"
	}
	if errors.Unwrap(err) != nil {
		return "the trailer of the body is not one as RFC 9112 has it, or has a field that may stand in the header only, as Host, Trailer and Content-Length"
	}
	return "the chunks of the body are not as RFC 9112 has them: each is its size in hexadecimal digits, CRLF, as many bytes, and CRLF; the last has the size 0"
}
