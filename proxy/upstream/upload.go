package upstream

import (
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/body"
)

const (
	// partSize is how much of a large body is written at a time, and of an answer read.
	partSize = body.PartSize

	// earlyAnswerTime is how long the answer may take to come once the connection has
	// ended in the middle of a request: WeChat gave it before, or never will.
	earlyAnswerTime = time.Second
)

// What has come of the answer while an upload is written.
const (
	noAnswer int32 = iota
	earlySuccess
	earlyRefusal
)

// upload writes the head, which is in c.part, and a large body while it waits for the answer, because a
// server that refuses an upload says so early and reads no further. A success that comes
// early still wants the rest. Either way, a server that answers before it has read
// everything may take the rest for another request, so that the connection is not kept.
// What is sent already is not sent again.
func (c *conn) upload(m *Message, sent int, resp *fasthttp.Response) (whole bool, err error) {
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return false, c.unanswered(err)
	}
	if c.direct != nil {
		c.direct.SetWriteStallTimeout(0)
	}
	var early atomic.Int32
	answer := make(chan error, 1) // what readHead returned
	go func() {
		err := c.readHead(m, resp)
		if err != nil || resp.StatusCode() >= fasthttp.StatusMultipleChoices {
			early.Store(earlyRefusal)
			_ = c.SetWriteDeadline(time.Now()) // which ends a Write that waits; its error says whether that worked
		} else {
			early.Store(earlySuccess)
		}
		answer <- err
	}()
	isEarly, failed := c.writeParts(m, sent, &early)
	wait := c.host.config.answerTime()
	if failed != nil {
		wait = earlyAnswerTime
	}
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		c.Close() // which ends readHead too
	}
	whole = failed == nil && !isEarly
	refused := early.Load() == earlyRefusal
	if err = <-answer; err != nil && failed != nil && !refused {
		err = c.unanswered(failed)
	}
	// A deadline that stayed set would end the Write of a later message.
	return c.SetWriteDeadline(time.Time{}) == nil && whole, err
}

// writeParts writes the head, which is in c.part, and then the body, until all is written
// or WeChat has refused it. What is sent of it already is left out. Each part may take
// writeTime. It reports whether an answer came before the last part was written.
func (c *conn) writeParts(m *Message, sent int, early *atomic.Int32) (isEarly bool, err error) {
	for part, err := range c.parts(m) {
		if err != nil {
			return isEarly, &bodyError{err}
		}
		skipped := min(sent, len(part))
		sent -= skipped
		if part = part[skipped:]; len(part) == 0 {
			continue
		}
		if err := c.SetWriteDeadline(time.Now().Add(c.host.config.writeTime())); err != nil {
			return isEarly, err
		}
		switch early.Load() {
		case earlyRefusal:
			return true, errAnswered
		case earlySuccess:
			isEarly = true
		}
		if _, err := c.Write(part); err != nil {
			return isEarly, err
		}
	}
	return isEarly, nil
}

// parts returns the head, which is in c.part, and then the parts of the body.
func (c *conn) parts(m *Message) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if !yield(c.part, nil) {
			return
		}
		for part, err := range m.Body.Parts(c.partBuffer) {
			if !yield(part, err) {
				return
			}
		}
	}
}

// partBuffer returns the connection's buffer with room for a part.
func (c *conn) partBuffer() []byte {
	c.part = slices.Grow(c.part[:0], partSize)
	return c.part[:partSize]
}

// A bodyError says that a body could not be read back from its file, which is no fault
// of the host.
type bodyError struct{ error }

func (e *bodyError) Error() string { return fmt.Sprintf("keeping a body in a file: %v", e.error) }
func (e *bodyError) Unwrap() error { return e.error }
