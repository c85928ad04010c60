package upstream

import (
	"errors"
	"io"
	"time"

	"github.com/valyala/fasthttp"
)

// A stream is the body of an answer that the caller reads at its own pace. It
// has the connection to itself until it ends or is closed. One goroutine at a
// time may use it.
type stream struct {
	conn     *conn
	parts    io.Reader     // of a chunked body
	left     int64         // of a body with a length; else -1
	start    []byte        // what has been read already
	held     io.ReadCloser // likewise, in front of that; nil: nothing
	heldTill time.Time     // when all of it has to be here, if it is held
	keep     bool          // the connection may be used again
	release  func()        // gives back the connection's slot; may be nil
	ended    func(error)
	over     bool
}

// Read reads the next part of the body. io.EOF says that it was complete.
func (s *stream) Read(p []byte) (n int, err error) {
	if s.over {
		return 0, errOver
	}
	if s.held != nil {
		if n = s.readHeld(p); n > 0 {
			return n, nil
		}
	}
	if len(s.start) > 0 {
		n = copy(p, s.start)
		s.start = s.start[n:]
		return n, nil
	}
	n, err = s.next(p)
	switch {
	case errors.Is(err, io.EOF):
		s.end(nil)
	case err != nil:
		s.end(err)
	}
	return n, err
}

// next reads from the connection: bytes, or the reason why there are no more,
// never both.
func (s *stream) next(p []byte) (n int, err error) {
	switch {
	case s.parts != nil:
		n, err = s.parts.Read(p)
		if n == 0 && errors.Is(err, io.EOF) {
			err = s.skipTrailer()
		}
	case s.left == 0:
		return 0, io.EOF
	case s.left > 0:
		n, err = s.conn.reader.Read(p[:min(int64(len(p)), s.left)])
		s.left -= int64(n)
		if errors.Is(err, io.EOF) {
			err = errCut
		}
	default:
		n, err = s.conn.reader.Read(p)
	}
	switch {
	case n > 0:
		return n, nil // an error comes again
	case err == nil || errors.Is(err, io.EOF):
		return 0, err
	}
	return 0, s.conn.classify(err, true)
}

// skipTrailer reads past the trailer, which ends at this hop.
func (s *stream) skipTrailer() error {
	var dropped fasthttp.ResponseHeader
	err := dropped.ReadTrailer(s.conn.reader)
	switch {
	case err == nil:
		return io.EOF
	case errors.Is(err, io.EOF):
		return errCut
	}
	return err
}

var (
	errCut  = errors.New("the answer was cut")
	errOver = errors.New("the answer is over")
)

// WriteTo passes the body on as it comes.
func (s *stream) WriteTo(w io.Writer) (total int64, err error) {
	flusher, _ := w.(interface{ Flush() error })
	for {
		n, err := s.Read(s.conn.buffer())
		if n > 0 {
			written, err := w.Write(s.conn.out[:n])
			total += int64(written)
			if err == nil && flusher != nil {
				err = flusher.Flush()
			}
			if err != nil {
				return total, err
			}
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// SupportsBodyWriteTo tells fasthttp that WriteTo does all that Read does.
func (s *stream) SupportsBodyWriteTo() bool { return true }

// Close ends the transfer. What WeChat would still send is not waited for.
func (s *stream) Close() error {
	s.end(ErrLeftAnswer)
	return nil
}

// end gives the connection back, once.
func (s *stream) end(err error) {
	if s.over {
		return
	}
	s.over = true
	s.dropHeld()
	s.conn.retire(s.keep && err == nil)
	if s.release != nil {
		s.release()
	}
	if s.ended != nil {
		s.ended(err)
	}
}

// StreamOf returns the stream that the body of an answer is, nil if it is none.
func StreamOf(resp *fasthttp.Response) *stream {
	s, _ := resp.BodyStream().(*stream)
	return s
}

// OnEnd has ended called when the body has come to its end, or to one too soon, which
// err says then.
func (s *stream) OnEnd(ended func(err error)) { s.ended = ended }

// PutBack has Read begin with held again, which was read from the stream before.
func (s *stream) PutBack(held io.ReadCloser) { s.held = held }

// AwaitWhole has all of the body come within the time that one part has otherwise.
func (s *stream) AwaitWhole() { s.conn.heldTill = s.heldTill }

// readHeld reads what was read already before the length of the answer turned out
// to stay unknown.
func (s *stream) readHeld(p []byte) (n int) {
	n, err := s.held.Read(p)
	if err != nil {
		s.dropHeld()
	}
	return n
}

func (s *stream) dropHeld() {
	if s.held != nil {
		_ = s.held.Close() // which has nothing to say
		s.held = nil
	}
}
