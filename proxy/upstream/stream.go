package upstream

import (
	"errors"
	"io"
	"time"

	"github.com/valyala/fasthttp"
)

// A Stream is the body of an answer that the caller reads at its own pace. It keeps the
// connection in use until it ends or is closed. One goroutine at a time may use it.
type Stream struct {
	conn         *conn
	chunks       io.Reader     // reads a chunked body; nil: it has no chunks
	left         int64         // how much of a body with a length was not read; -1: it has none
	start        []byte        // was read to find out what the body is
	putBack      io.ReadCloser // was read by the proxy, and comes before start; nil: nothing was
	bodyDeadline time.Time     // when all of the body has to be here if AwaitWhole is called
	keep         bool          // the connection may be used again after the body's end
	release      func()        // gives back the slot of the connection; may be nil
	onEnd        func(error)   // may be nil
	over         bool          // the connection is not the stream's any more
}

// Read reads the next part of the body. io.EOF says that it was complete.
func (s *Stream) Read(p []byte) (n int, err error) {
	if s.over {
		return 0, errOver
	}
	if s.putBack != nil {
		if n = s.readPutBack(p); n > 0 {
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

// next reads from the connection. It returns either bytes or the reason why there are no
// more.
func (s *Stream) next(p []byte) (n int, err error) {
	switch {
	case s.chunks != nil:
		n, err = s.chunks.Read(p)
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
		return n, nil // the next call returns the error
	case err == nil || errors.Is(err, io.EOF):
		return 0, err
	}
	return 0, cut(err)
}

// skipTrailer reads the trailer, which is not passed on.
func (s *Stream) skipTrailer() error {
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

// WriteTo passes the body on as it comes. Before it waits for more, it has w send what it
// may hold back.
func (s *Stream) WriteTo(w io.Writer) (total int64, err error) {
	flusher, _ := w.(interface{ Flush() error })
	for {
		if flusher != nil && !s.isHere() {
			if err := flusher.Flush(); err != nil {
				return total, err
			}
		}
		n, err := s.Read(s.conn.partBuffer())
		if n > 0 {
			written, err := w.Write(s.conn.part[:n])
			total += int64(written)
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

// isHere reports whether Read surely has something to return at once.
func (s *Stream) isHere() bool {
	return !s.over && (s.putBack != nil || len(s.start) > 0 || s.chunks == nil && s.left != 0 && s.conn.reader.Buffered() > 0)
}

// SupportsBodyWriteTo tells fasthttp that WriteTo does all that Read does.
func (s *Stream) SupportsBodyWriteTo() bool { return true }

// Close ends the stream. If there is more of the body, its connection is closed.
func (s *Stream) Close() error {
	s.end(ErrLeftAnswer)
	return nil
}

// end gives the connection back at the first call. err is nil at the end of the body.
func (s *Stream) end(err error) {
	if s.over {
		return
	}
	s.over = true
	s.dropPutBack()
	s.conn.host.failures.count(err)
	s.conn.retire(s.keep && err == nil)
	if s.release != nil {
		s.release()
	}
	if s.onEnd != nil {
		s.onEnd(err)
	}
}

// StreamOf returns the stream that is the body of an answer, nil if another reader is or
// there is none.
func StreamOf(resp *fasthttp.Response) *Stream {
	s, _ := resp.BodyStream().(*Stream)
	return s
}

// OnEnd says what to do when the stream ends: err is nil if the body was complete,
// ErrLeftAnswer if the stream was closed before, and otherwise why the answer is cut.
func (s *Stream) OnEnd(do func(err error)) { s.onEnd = do }

// PutBack has Read return the content of read again, which was read from the stream
// before, and then the rest of the body.
func (s *Stream) PutBack(read io.ReadCloser) { s.putBack = read }

// AwaitWhole bounds the time for all of the body to come, since nobody gets any of it
// before; otherwise only the time for each part is bounded.
func (s *Stream) AwaitWhole() { s.conn.bodyDeadline = s.bodyDeadline }

// readPutBack reads what was put back, and drops it at its end.
func (s *Stream) readPutBack(p []byte) (n int) {
	n, err := s.putBack.Read(p)
	if err != nil {
		s.dropPutBack()
	}
	return n
}

func (s *Stream) dropPutBack() {
	if s.putBack != nil {
		_ = s.putBack.Close() // what was read is not needed any more
		s.putBack = nil
	}
}
