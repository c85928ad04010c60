// Package buffer has buffers and readers that are used again.
package buffer

import (
	"bufio"
	"io"
	"sync"
)

// A Buffer is where something is put together that is written at once. It has no
// owner but for that moment: a few buffers that everybody uses stay in the
// processor's cache, and one of its own for each connection would not
// (docs/decisions/0022).
type Buffer struct{ Bytes []byte }

const (
	// newSize is how many bytes a new buffer has room for.
	newSize = 4 << 10

	// maxSize is the largest buffer that is kept.
	maxSize = 64 << 10
)

// A Pool has the buffers that nobody uses right now. Its zero value is ready for use.
type Pool struct{ free sync.Pool }

// Take returns a buffer that is empty.
func (p *Pool) Take() *Buffer {
	if b, ok := p.free.Get().(*Buffer); ok {
		return b
	}
	return &Buffer{make([]byte, 0, newSize)}
}

// Give takes b back, whose bytes nobody needs any more.
func (p *Pool) Give(b *Buffer) {
	if cap(b.Bytes) <= maxSize {
		b.Bytes = b.Bytes[:0]
		p.free.Put(b)
	}
}

// ReaderSize is how many bytes a reader reads ahead: most answers as a whole, by one
// system call.
const ReaderSize = 64 << 10

// Readers have the readers that nobody reads with right now. Their zero value is ready
// for use.
type Readers struct{ free sync.Pool }

// Take returns a reader that reads from src.
func (r *Readers) Take(src io.Reader) *bufio.Reader {
	if b, ok := r.free.Get().(*bufio.Reader); ok {
		b.Reset(src)
		return b
	}
	return bufio.NewReaderSize(src, ReaderSize)
}

// Give takes b back. What it has read ahead is thrown away.
func (r *Readers) Give(b *bufio.Reader) {
	b.Reset(nil)
	r.free.Put(b)
}
