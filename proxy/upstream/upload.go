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

	// lastWords is how long an answer may take that WeChat gave before it ended
	// the connection in the middle of a request: it is there, or it never comes.
	lastWords = time.Second
)

// errAnswered ends an upload that WeChat has refused.
var errAnswered = errors.New("WeChat refused the request before it was complete")

// What an upload has heard while it writes.
const (
	heardNothing int32 = iota
	heardAnswer
	heardRefusal
)

// upload writes the head and a large body while it listens for the answer: who
// refuses an upload says so early and reads no further. Success that comes early
// still wants the rest, but who answers without having read everything may take
// what comes later for something else: the connection ends.
func (c *conn) upload(m *Message, resp *fasthttp.Response) (whole bool, err error) {
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return false, c.classify(err, false)
	}
	if c.direct != nil {
		c.direct.SetWriteStallTimeout(0)
	}
	var heard atomic.Int32
	answer := make(chan error, 1) // what readHeader returned
	go func() {
		err := c.readHeader(m, resp)
		if err != nil || resp.StatusCode() >= fasthttp.StatusMultipleChoices {
			heard.Store(heardRefusal)
			_ = c.SetWriteDeadline(time.Now()) // for a Write that waits; its error says the rest
		} else {
			heard.Store(heardAnswer)
		}
		answer <- err
	}()
	early, failed := c.writeParts(m, &heard)
	wait := c.host.limit.answerTime()
	if failed != nil {
		wait = lastWords
	}
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		c.Close() // which ends readHeader too
	}
	whole = failed == nil && !early
	refusal := heard.Load() == heardRefusal
	if err = <-answer; err != nil && failed != nil && !refusal {
		err = c.classify(failed, false)
	}
	// A deadline that is left would end the Write of a later message.
	return c.SetWriteDeadline(time.Time{}) == nil && whole, err
}

// writeParts writes what is in the buffer and then the body, each part in the
// same time, until all is written or WeChat has refused it. It reports whether an
// answer came before the last part.
func (c *conn) writeParts(m *Message, heard *atomic.Int32) (early bool, err error) {
	body := m.Body.Reader()
	for part := c.out; ; {
		if err := c.SetWriteDeadline(time.Now().Add(c.host.limit.writeTime())); err != nil {
			return early, err
		}
		switch heard.Load() {
		case heardRefusal:
			return true, errAnswered
		case heardAnswer:
			early = true
		}
		if _, err := c.Write(part); err != nil {
			return early, err
		}
		buffer := c.buffer()
		n, err := io.ReadFull(body, buffer)
		if n == 0 && errors.Is(err, io.EOF) {
			return early, nil
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return early, &spoolError{err}
		}
		part = buffer[:n]
	}
}

// buffer returns the connection's buffer with room for a part.
func (c *conn) buffer() []byte {
	c.out = slices.Grow(c.out[:0], partSize)
	return c.out[:partSize]
}

// A spoolError says that a body could not be written to its file.
type spoolError struct{ error }

func (e *spoolError) Error() string { return fmt.Sprintf("keeping a body in a file: %v", e.error) }
func (e *spoolError) Unwrap() error { return e.error }
