package upstream

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	// partSize is how much of a large body is read and written at a time.
	partSize = 32 << 10

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

// upload writes the head and a large body while it waits for the answer, because a
// server that refuses an upload says so early and reads no further. A success that comes
// early still wants the rest. Either way, a server that answers before it has read
// everything may take the rest for another request, so that the connection is not kept.
func (c *conn) upload(m *Message, resp *fasthttp.Response) (whole bool, err error) {
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
	isEarly, failed := c.writeParts(m, &early)
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
// or WeChat has refused it. Each part may take writeTime. It reports whether
// an answer came before the last part was written.
func (c *conn) writeParts(m *Message, early *atomic.Int32) (isEarly bool, err error) {
	body := m.Body.Reader()
	for part := c.part; ; {
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
		buffer := c.partBuffer()
		n, err := io.ReadFull(body, buffer)
		if n == 0 && errors.Is(err, io.EOF) {
			return isEarly, nil
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return isEarly, &bodyError{err}
		}
		part = buffer[:n]
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
