package proxy

import "time"

// awaitBody says whether what is read now is a body.
func (c *callerConn) awaitBody(sending bool) {
	if c != nil {
		c.sending, c.bodyEnd = sending, time.Time{}
		c.unheard.Store(false)
	}
}

// awaitStranger says that all of the body has to be there soon, however it comes.
func (c *callerConn) awaitStranger() {
	if c != nil {
		c.bodyEnd = time.Now().Add(c.strangerTime)
		c.unheard.Store(true)
	}
}

// nextPart returns when the next part of the body has to be there.
func (c *callerConn) nextPart() time.Time {
	t := time.Now().Add(c.patience)
	if !c.bodyEnd.IsZero() && t.After(c.bodyEnd) {
		return c.bodyEnd
	}
	return t
}
