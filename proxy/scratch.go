package proxy

import "sync"

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
