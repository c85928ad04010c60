package proxy

import (
	"errors"
	"io"
	"net"
	"strconv"
	"time"

	"wxproxy/proxy/internal/body"
)

const (
	// drainSize is how much of a refused request's body is read so that the
	// connection can be used again.
	drainSize = 256 << 10

	// drainTime is how long that may take: the answer waits for it.
	drainTime = 2 * time.Second

	// smallBody bounds what is read before it is known who sends it: the request for
	// a token of an SDK has 200 bytes. It is kept in memory.
	smallBody = 4 << 10
)

// bodyLength is what the header says: -1 for parts of whatever length, a lower
// number for no body at all.
func (x *exchange) bodyLength() int64 { return int64(x.ctx.Request.Header.ContentLength()) }

// expectSmallBody holds the body to what a caller may send who is not known yet.
func (x *exchange) expectSmallBody() {
	x.smallBody, x.maxBody = true, min(x.maxBody, smallBody)
}

// expectMembers holds a body that may say who calls, and for which account, to what
// can be looked through for that.
func (x *exchange) expectMembers() {
	x.hasMembers = x.bodyLength() > 0 || x.bodyLength() == -1
	x.maxBody = min(x.maxBody, body.MemorySize)
}

// checkLength refuses a body that is known to be too large before it is read.
func (x *exchange) checkLength() error {
	if x.bodyLength() > x.maxBody {
		return x.tooLarge()
	}
	return nil
}

// takeBody reads the body, where there is a use for it, and decides what only that
// can say.
func (p *Proxy) takeBody(x *exchange) error {
	if x.route.traits.hasNoBody {
		return nil
	}
	if err := x.readBody(); err != nil {
		return err
	}
	if x.hasMembers {
		if err := p.admitByBody(x); err != nil {
			return err
		}
	}
	x.announceLength()
	return nil
}

// tooLarge returns the refusal of a body that is. Nobody waits for the rest of one
// that should be small.
func (x *exchange) tooLarge() error {
	switch {
	case x.route.traits.asksByBody:
		x.closes = true
		return refuse(bodyTooLarge, "a request for a token is at most 4 KiB long")
	case x.smallBody:
		x.closes = true
		return refuse(bodyTooLarge, "of a caller that shows its key in the body, that is at most 4 KiB long; show it in the header Authorization")
	case x.route.traits.getsSecret:
		return refuse(bodyTooLarge, "a body to a path that takes the AppSecret is at most 64 KiB long")
	}
	return refuse(bodyTooLarge, "the body is larger than max_body allows")
}

// readBody takes in the whole body, so that a caller which stalls or leaves
// never holds a connection to WeChat.
func (x *exchange) readBody() error {
	stream := x.ctx.RequestBodyStream()
	if stream == nil {
		x.body.Borrow(x.ctx.Request.Body())
		return nil
	}
	return x.takeIn(stream)
}

// announceLength makes the length of the body known to WeChat.
func (x *exchange) announceLength() {
	if m := &x.message; x.body.Len() > 0 || x.fields.length || x.fields.encoding || !m.IsRepeatable() {
		m.Fields = append(m.Fields, "Content-Length: "...)
		m.Fields = strconv.AppendInt(m.Fields, x.body.Len(), 10)
		m.Fields = append(m.Fields, "\r\n"...)
	}
}

func (x *exchange) takeIn(stream io.Reader) error {
	length := x.bodyLength()
	x.body.CountFor(nil)
	if x.client != nil {
		x.body.CountFor(x.client.bodies)
	}
	x.caller.BeginBody(x.smallBody)
	err := x.body.Fill(stream, x.maxBody)
	x.caller.EndBody()
	// At the connection's end, fasthttp's streams end as they do at their own.
	if err == nil && (length >= 0 && x.body.Len() != length || x.caller.HasEnded()) {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		x.unread = false
		return nil
	}
	return x.bodyFailure(err)
}

// bodyFailure returns the refusal of a body that could not be taken in.
func (x *exchange) bodyFailure(err error) error {
	var network net.Error
	switch {
	case errors.Is(err, body.ErrTooLarge):
		return x.tooLarge()
	case errors.Is(err, body.ErrNoRoom):
		x.proxy.logNoRoom()
		return &failure{upstreamBusy, "the request bodies under way take all the room that the proxy has for them; nothing was sent", time.Second}
	}
	x.closes = true
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(badRequest, "the connection ended before the body did")
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, body.ErrSlow):
		return refuse(badRequest, "the body did not arrive in time")
	}
	return refuse(badRequest, "the body is not one as RFC 9112 has it")
}

// discardRest sees to it that no byte of the request is taken for the next one: what
// is unread of a small body is read, otherwise the connection ends.
func (x *exchange) discardRest(refused bool) {
	x.caller.EndBody()            // also when a panic ended it
	isStranger := x.client == nil // whose answer, a refusal or health, waits for nothing
	if x.unread && !x.closes && (isStranger || !x.drain()) {
		x.closes = true
	}
	if x.closes && (refused || isStranger || x.fields.encoding) {
		x.caller.Linger() // there may be more that nobody reads
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

// logNoRoom logs what takes all the room.
func (p *Proxy) logNoRoom() {
	if p.door.noRoom.Now() {
		memory, disk := &p.door.bodies.Memory, &p.door.bodies.Disk
		p.config.Log.Warn("requests are refused: the bodies under way take all the room that there is for them",
			"memory", memory.Taken(), "memory_limit", memory.Limit, "disk", disk.Taken(), "disk_limit", disk.Limit)
	}
}
