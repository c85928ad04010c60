package proxy

import (
	"bufio"
	"io"
	"sync"
)

// A scratch is where something is put together that is written at once. It has no
// owner but for that moment: a few buffers that everybody uses stay in the
// processor's cache, and one of its own for each connection would not.
type scratch struct{ bytes []byte }

// maxScratch is the largest buffer that is kept.
const maxScratch = 64 << 10

// scratches are those that nobody uses right now.
type scratches struct{ free sync.Pool }

// take returns one that is empty.
func (s *scratches) take() *scratch {
	if b, ok := s.free.Get().(*scratch); ok {
		return b
	}
	return &scratch{make([]byte, 0, 4<<10)}
}

// give takes b back, whose bytes nobody needs any more.
func (s *scratches) give(b *scratch) {
	if cap(b.bytes) <= maxScratch {
		b.bytes = b.bytes[:0]
		s.free.Put(b)
	}
}

// readerSize is how much one reads ahead: what a header of WeChat's answers has at most.
const readerSize = 16 << 10

// readers are those that nobody reads with right now.
type readers struct{ free sync.Pool }

// take returns one that reads from src.
func (r *readers) take(src io.Reader) *bufio.Reader {
	if b, ok := r.free.Get().(*bufio.Reader); ok {
		b.Reset(src)
		return b
	}
	return bufio.NewReaderSize(src, readerSize)
}

// give takes back a reader that has read all that it has got.
func (r *readers) give(b *bufio.Reader) {
	b.Reset(nil)
	r.free.Put(b)
}
