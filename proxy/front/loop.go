package front

import (
	"errors"
	"time"

	"wxproxy/proxy/internal/socket"
)

// A loop serves a caller's connection, one request after the other. A request that
// comes as a whole is read and answered between two waits, with as few system calls as
// can be; one that has to be waited for is read as fasthttp's server reads it
// (docs/decisions/0021).
type loop struct {
	front      *front
	caller     *Conn
	request    *Request              // nil while nothing is asked
	serve      func(fd uintptr) bool // answerWhole, bound once
	wait       time.Duration         // how long the next request may take to begin
	extraReads int                   // after an answer, of this connection: see maxExtraReads
	check      checkState            // whether the end came with the last request
	headerRead bool                  // that of the request
	rests      bool                  // on a small stack, until the caller asks again
	ends       bool                  // the connection, as soon as what is under way is done
}

// useSocket makes the connection one that serveDirectly can serve, and reports whether
// that can be done.
func (f *front) useSocket(c *Conn) bool {
	c.direct = socket.New(c.Conn, nil)
	if c.direct == nil {
		return false
	}
	c.Conn = c.direct
	c.direct.SetWriteStallTimeout(2 * f.limits.StallTimeout)
	return true
}

// maxSpare is how many goroutines at most wait for another caller when theirs has left.
const maxSpare = 64

// serveCallers serves c, and then callers that come from next until it is closed, unless
// enough goroutines wait for these. One that has answered a request has the stack for it;
// the stack of a new one has to grow first (docs/decisions/0021).
func (f *front) serveCallers(c *Conn, next <-chan *Conn) {
	for c != nil && f.serveDirectly(c) {
		if f.spare.Add(1) > maxSpare {
			f.spare.Add(-1)
			return
		}
		c = <-next
		f.spare.Add(-1)
	}
}

// serveDirectly serves a caller until one of both ends the connection, or it rests. It
// reports which: the stack is to be free when the caller rests.
func (f *front) serveDirectly(c *Conn) (ended bool) {
	l := &loop{front: f, caller: c, wait: f.limits.HeaderTimeout}
	l.serve = l.answerWhole
	f.crowd.add(awakeWeight)
	return l.run()
}

// run serves the caller as long as it asks, and leaves a connection that rests to
// another goroutine: the stack of this one has grown by requests, and would stay so.
func (l *loop) run() (ended bool) {
	if l.serveUntilRest() {
		go l.run()
		return false
	}
	l.end()
	return true
}

// serveUntilRest serves the caller, and reports whether the connection rests rather than
// ends. The deadline of a request has to be replaced before the next one is waited for:
// one that has passed would end the connection there.
func (l *loop) serveUntilRest() (rests bool) {
	defer l.recoverPanic()
	for !l.ends && l.caller.allowRead(l.wait) == nil {
		switch err := l.caller.direct.Attend(l.serve); {
		case err != nil:
			return l.isCheckDue()
		case !l.ends:
			l.answerInParts()
		}
	}
	return false
}

// recoverPanic keeps a panic from ending the process. The request is not used again: what
// state it is in is unknown. The call has to be deferred itself.
func (l *loop) recoverPanic() {
	if recover() != nil {
		l.request = nil
		l.front.logPanic()
	}
}

// end ends the connection.
func (l *loop) end() {
	l.returnRequest()
	l.front.crowd.add(-l.weight())
	l.caller.Close()
	l.caller.listener.forget(l.caller)
	l.front.slots.release(l.caller)
}

// takeRequest gives the connection a request, if it has none.
func (l *loop) takeRequest() *Request {
	if l.request == nil {
		var free bool
		if l.request, free = l.front.requests.Get().(*Request); !free {
			l.request = newRequest(&l.front.buffers)
		}
		l.request.Conn, l.request.caller = l.caller, l.caller
	}
	return l.request
}

// returnRequest gives the request to the next connection that needs one.
func (l *loop) returnRequest() {
	if r := l.request; r != nil {
		l.request, r.Conn, r.caller = nil, nil, nil
		if r.in.Buffered() > 0 {
			r.in.Reset(r)
		}
		l.front.requests.Put(r)
	}
}

// answerWhole answers requests as long as they are there as a whole. It is called by
// Attend, and returns false to wait for the next request, true to stop: the connection
// ends, or answerInParts has to read what has begun to come.
func (l *loop) answerWhole(uintptr) bool {
	if l.stillRests() {
		return false
	}
	r := l.takeRequest()
	r.nonblocking, r.filled = true, true
	for {
		if r.in.Buffered() == 0 && !l.shouldReadOn() {
			return l.awaitNext()
		}
		if _, err := r.in.Peek(1); errors.Is(err, socket.ErrEmpty) {
			return l.awaitNext()
		} else if err != nil {
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
	l.headerRead = true
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
