package front

import "time"

const (
	// bodyGrace is how long a body may take whatever its length, if Limits say nothing
	// else.
	bodyGrace = 30 * time.Second

	// bodyRate is how many bytes a second a body has to have on average beyond that: a
	// twentieth of what a bad mobile connection has.
	bodyRate = 1 << 10

	// unprovenBodyTime is how long all of a body may take that has yet to show who the
	// caller is, if Limits say nothing else.
	unprovenBodyTime = 5 * time.Second
)

// BeginBody says that a body is read from here on. Every part of it has to come within
// Limits.StallTimeout, and all of it in the time that it has: Limits.BodyGrace, and
// more for each byte that comes. If it has yet to show who the caller is, that is
// Limits.UnprovenBodyTime, however it comes.
func (c *Conn) BeginBody(unproven bool) {
	if c == nil {
		return
	}
	phase, allowed := bodyExtended, c.bodyGrace
	if unproven {
		phase, allowed = bodyUnproven, c.unprovenBodyTime
	}
	c.body.set(phase)
	c.bodyEnd = time.Now().Add(allowed)
	c.readError = nil // of what came before
}

// EndBody says that no body is read any more. It may be called without BeginBody.
func (c *Conn) EndBody() {
	if c != nil {
		c.body.set(bodyNone)
	}
}

// extendBody gives the body more time, since n bytes of it have come.
func (c *Conn) extendBody(n int) {
	if c.body.get() == bodyExtended {
		c.bodyEnd = c.bodyEnd.Add(time.Duration(n) * (time.Second / bodyRate))
	}
}

// bodyDeadline returns when the next part of the body has to be there: soon, and
// before the time of the whole body is used up.
func (c *Conn) bodyDeadline() time.Time {
	t := time.Now().Add(c.stallTimeout)
	if t.After(c.bodyEnd) {
		return c.bodyEnd
	}
	return t
}
