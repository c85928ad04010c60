package front

import "time"

const (
	// bodyGrace is how long a body may take whatever its length, if Limits say nothing
	// else.
	bodyGrace = 30 * time.Second

	// bodyRate is how many bytes a second it has to have on average beyond that: a
	// twentieth of what a bad mobile connection has.
	bodyRate = 1 << 10

	// unprovenBodyTime is how long all of that may take, if Limits say nothing else.
	unprovenBodyTime = 5 * time.Second
)

// AwaitBody says whether what is read now is a body.
func (c *Conn) AwaitBody(sending bool) {
	if c != nil {
		c.sending, c.hurries = sending, false
		c.unproven.Store(false)
	}
	if c != nil && sending {
		c.bodyEnd = time.Now().Add(c.bodyGrace)
	}
}

// AwaitStranger says that all of the body has to be there soon, however it comes.
func (c *Conn) AwaitStranger() {
	if c != nil {
		c.bodyEnd, c.hurries = time.Now().Add(c.unprovenBodyTime), true
		c.unproven.Store(true)
	}
}

// received notes that n bytes of the body have come, which gives it more time.
func (c *Conn) received(n int) {
	if !c.hurries {
		c.bodyEnd = c.bodyEnd.Add(time.Duration(n) * (time.Second / bodyRate))
	}
}

// nextPart returns when the next part of the body has to be there: soon, and
// while the body has not used up its time.
func (c *Conn) nextPart() time.Time {
	t := time.Now().Add(c.stallTimeout)
	if t.After(c.bodyEnd) {
		return c.bodyEnd
	}
	return t
}
