// Package buffer has buffers and readers that are used again.
package buffer

import (
	"bufio"
	"io"
	"sync"
)

// A Buffer is where something is put together that is written at once. It has no
// owner but for that moment: a few buffers that everybody uses stay in the
// processor's cache, and one of its own for each connection would not.
type Buffer struct{ Bytes []byte }

// maxScratch is the largest buffer that is kept.
const maxScratch = 64 << 10

// Pool are those that nobody uses right now.
type Pool struct{ free sync.Pool }

// Take returns one that is empty.
func (s *Pool) Take() *Buffer {
	if b, ok := s.free.Get().(*Buffer); ok {
		return b
	}
	return &Buffer{make([]byte, 0, 4<<10)}
}

// Give takes b back, whose bytes nobody needs any more.
func (s *Pool) Give(b *Buffer) {
	if cap(b.Bytes) <= maxScratch {
		b.Bytes = b.Bytes[:0]
		s.free.Put(b)
	}
}

// ReaderSize is how much one reads ahead: what a header of WeChat's answers has at most.
const ReaderSize = 16 << 10

// Readers are those that nobody reads with right now.
type Readers struct{ free sync.Pool }

// Take returns one that reads from src.
func (r *Readers) Take(src io.Reader) *bufio.Reader {
	if b, ok := r.free.Get().(*bufio.Reader); ok {
		b.Reset(src)
		return b
	}
	return bufio.NewReaderSize(src, ReaderSize)
}

// Give takes back a reader that has read all that it has got.
func (r *Readers) Give(b *bufio.Reader) {
	b.Reset(nil)
	r.free.Put(b)
}
