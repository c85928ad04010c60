package front

import (
	"runtime/debug"
	"time"

	"wxproxy/proxy/internal/socket"
)

// A visit is a caller's connection while it is served. A request that comes as a
// whole is read and answered between two waits, with as few system calls as can
// be; one that has to be waited for is read as fasthttp's server reads it
// (docs/decisions/0021).
type visit struct {
	front  *front
	caller *Conn
	seat   *seat // nil while nothing is asked
	attend func(fd uintptr) bool
	wait   time.Duration // for the next request
	looks  int           // how often it was looked whether there is more
	unsure bool          // nobody has looked since the last answer, and somebody will soon
	looked bool          // somebody has, after a while
	headed bool          // the header of the request has been read
	ends   bool          // the connection ends
}

// takeDirectly has a caller served by serveDirectly, if the socket allows that.
func (f *front) takeDirectly(c *Conn) bool {
	c.direct = socket.New(c.Conn, nil)
	if c.direct == nil {
		return false
	}
	c.Conn = c.direct
	c.direct.SetWritePatience(2 * f.limits.Patience)
	return true
}

// serveDirectly serves a caller until one of both ends the connection. What time a
// request had is over when the next one is waited for: a deadline that has passed
// would end the connection there.
func (f *front) serveDirectly(c *Conn) {
	v := &visit{front: f, caller: c, wait: f.limits.HeaderTimeout}
	v.attend = v.answerWhole
	defer v.end()
	defer v.survive()
	for !v.ends && c.allow(v.wait) == nil {
		switch err := c.direct.Attend(v.attend); {
		case err != nil && !v.looksAgain():
			return
		case err == nil && !v.ends:
			v.answerInParts()
		}
	}
}

// survive ends v, if that panics, whose seat nobody gets any more.
func (v *visit) survive() {
	if recover() != nil {
		v.seat = nil
		v.front.log.Error("panic while serving a connection", "stack", string(debug.Stack()))
	}
}

// end ends the connection.
func (v *visit) end() {
	v.leaveSeat()
	v.caller.Close()
	v.caller.listener.forget(v.caller)
	v.front.places.leave(v.caller)
}

func (v *visit) takeSeat() *seat {
	if v.seat == nil {
		var free bool
		if v.seat, free = v.front.seats.Get().(*seat); !free {
			v.seat = newSeat(&v.front.answers)
		}
		v.seat.Conn, v.seat.caller = v.caller, v.caller
	}
	return v.seat
}

func (v *visit) leaveSeat() {
	if s := v.seat; s != nil {
		v.seat, s.Conn, s.caller = nil, nil, nil
		if s.in.Buffered() > 0 {
			s.in.Reset(s)
		}
		v.front.seats.Put(s)
	}
}

// answerWhole answers requests as long as they are there as a whole. It reports
// whether waiting for the next one is not all that is left to do.
func (v *visit) answerWhole(uintptr) bool {
	s := v.takeSeat()
	s.atOnce, s.full = true, true
	for {
		if s.in.Buffered() == 0 && !v.looksOn() {
			return v.rest()
		}
		s.dry = false
		if _, err := s.in.Peek(1); err != nil {
			if s.dry {
				return v.rest()
			}
			v.ends = true
			return true
		}
		if !v.readWhole() {
			s.atOnce = false
			return true
		}
		v.answer()
		if v.ends {
			return true
		}
	}
}

// readWhole reads a request that is there as a whole, and reports whether it was.
func (v *visit) readWhole() bool {
	in, req := v.seat.in, &v.seat.ctx.Request
	if req.Header.Read(in) != nil {
		return false
	}
	v.headed = true
	length := req.Header.ContentLength()
	if length == -1 || length > min(in.Size(), v.front.limits.MaxBody) || req.MayContinue() {
		return false
	}
	var body []byte
	if length > 0 {
		var err error
		if body, err = in.Peek(length); err != nil {
			return false
		}
	}
	req.SetBodyRaw(body)
	return true
}

// answer answers a request that is there as a whole.
func (v *visit) answer() {
	s := v.seat
	length := len(s.ctx.Request.Body())
	v.front.handle(&s.ctx)
	_, _ = s.in.Discard(length) // it is there
	v.respond()
}
