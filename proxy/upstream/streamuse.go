package upstream

import (
	"io"

	"github.com/valyala/fasthttp"
)

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
