package body

import (
	"bytes"
	"io"
	"iter"
	"slices"
)

// PartSize is how many bytes of a body are written at a time while an early answer is
// looked for.
const PartSize = 32 << 10

// InMemory returns the whole body, if it is in memory: its first piece, and the ones
// behind that.
func (b *Body) InMemory() (first []byte, more [][]byte, ok bool) {
	if b == nil {
		return nil, nil, true
	}
	return b.memory, b.more, b.file == nil
}

// Reader returns a reader of the whole body. Several may be in use at a time.
func (b *Body) Reader() io.Reader {
	switch {
	case b == nil:
		return bytes.NewReader(nil)
	case b.file == nil && len(b.more) == 0:
		return bytes.NewReader(b.memory)
	}
	pieces := make([]io.Reader, 0, len(b.more)+2)
	if b.file != nil {
		pieces = append(pieces, io.NewSectionReader(b.file, 0, b.written))
	}
	pieces = append(pieces, bytes.NewReader(b.memory))
	for _, piece := range b.more {
		pieces = append(pieces, bytes.NewReader(piece))
	}
	return io.MultiReader(pieces...)
}

// Parts returns the whole body in parts of at most PartSize: what is in memory as it is
// there, what is in the file by way of buffer.
func (b *Body) Parts(buffer func() []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if b == nil {
			return
		}
		for at := int64(0); at < b.written; {
			room := buffer()
			n, err := b.file.ReadAt(room[:min(PartSize, b.written-at)], at)
			at += int64(n)
			if !yield(room[:n], err) || err != nil {
				return
			}
		}
		isWanted := yieldParts(b.memory, yield)
		for i := 0; i < len(b.more) && isWanted; i++ {
			isWanted = yieldParts(b.more[i], yield)
		}
	}
}

// yieldParts yields the parts of a piece of memory, and reports whether more are wanted.
func yieldParts(piece []byte, yield func([]byte, error) bool) bool {
	for part := range slices.Chunk(piece, PartSize) {
		if !yield(part, nil) {
			return false
		}
	}
	return true
}
