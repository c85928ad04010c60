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
type loop struct {
	front      *front
	caller     *Conn
	request    *Request // nil while nothing is asked
	attend     func(fd uintptr) bool
	wait       time.Duration // for the next request
	extraReads int           // how often it was looked whether there is more
	unsure     bool          // nobody has looked since the last answer, and somebody will soon
	looked     bool          // somebody has, after a while
	headed     bool          // the header of the request has been read
	ends       bool          // the connection ends
}

// useSocket has a caller served by serveDirectly, if the socket allows that.
func (f *front) useSocket(c *Conn) bool {
	c.direct = socket.New(c.Conn, nil)
	if c.direct == nil {
		return false
	}
	c.Conn = c.direct
	c.direct.SetWriteStallTimeout(2 * f.limits.StallTimeout)
	return true
}

// serveDirectly serves a caller until one of both ends the connection. What time a
// request had is over when the next one is waited for: a deadline that has passed
// would end the connection there.
func (f *front) serveDirectly(c *Conn) {
	l := &loop{front: f, caller: c, wait: f.limits.HeaderTimeout}
	l.attend = l.answerWhole
	defer l.end()
	defer l.survive()
	for !l.ends && c.allow(l.wait) == nil {
		switch err := c.direct.Attend(l.attend); {
		case err != nil && !l.isCheckDue():
			return
		case err == nil && !l.ends:
			l.answerInParts()
		}
	}
}

// survive ends v, if that panics, whose seat nobody gets any more.
func (l *loop) survive() {
	if recover() != nil {
		l.request = nil
		l.front.log.Error("panic while serving a connection", "stack", string(debug.Stack()))
	}
}

// end ends the connection.
func (l *loop) end() {
	l.returnRequest()
	l.caller.Close()
	l.caller.listener.forget(l.caller)
	l.front.slots.release(l.caller)
}

func (l *loop) takeRequest() *Request {
	if l.request == nil {
		var free bool
		if l.request, free = l.front.requests.Get().(*Request); !free {
			l.request = newRequest(&l.front.answers)
		}
		l.request.Conn, l.request.caller = l.caller, l.caller
	}
	return l.request
}

func (l *loop) returnRequest() {
	if r := l.request; r != nil {
		l.request, r.Conn, r.caller = nil, nil, nil
		if r.in.Buffered() > 0 {
			r.in.Reset(r)
		}
		l.front.requests.Put(r)
	}
}

// answerWhole answers requests as long as they are there as a whole. It reports
// whether waiting for the next one is not all that is left to do.
func (l *loop) answerWhole(uintptr) bool {
	r := l.takeRequest()
	r.nonblocking, r.filled = true, true
	for {
		if r.in.Buffered() == 0 && !l.shouldReadOn() {
			return l.awaitNext()
		}
		r.dry = false
		if _, err := r.in.Peek(1); err != nil {
			if r.dry {
				return l.awaitNext()
			}
			l.ends = true
			return true
		}
		if !l.readWhole() {
			r.nonblocking = false
			return true
		}
		l.answer()
		if l.ends {
			return true
		}
	}
}

// readWhole reads a request that is there as a whole, and reports whether it was.
func (l *loop) readWhole() bool {
	in, req := l.request.in, &l.request.ctx.Request
	if req.Header.Read(in) != nil {
		return false
	}
	l.headed = true
	length := req.Header.ContentLength()
	if length == -1 || length > min(in.Size(), l.front.limits.MaxBody) || req.MayContinue() {
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
func (l *loop) answer() {
	r := l.request
	length := len(r.ctx.Request.Body())
	l.front.handle(&r.ctx)
	_, _ = r.in.Discard(length) // it is there
	l.respond()
}
