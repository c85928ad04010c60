package buffer

import (
	"io"
	"strings"
	"testing"
)

func TestABufferThatIsTakenAgainIsEmpty(t *testing.T) {
	t.Parallel()
	var p Pool
	for range 100 { // with the race detector, a pool drops some
		b := p.Take()
		if len(b.Bytes) != 0 || cap(b.Bytes) < newSize {
			t.Fatalf("got %d bytes of %d; want none, and room for %d", len(b.Bytes), cap(b.Bytes), newSize)
		}
		b.Bytes = append(b.Bytes, "what the last one wrote"...)
		p.Give(b)
	}
}

func TestALargeBufferIsNotKept(t *testing.T) {
	t.Parallel()
	var p Pool
	for range 100 {
		p.Give(&Buffer{make([]byte, 0, maxSize+1)})
	}
	if b := p.Take(); cap(b.Bytes) > maxSize {
		t.Errorf("got room for %d bytes; want no more than %d kept", cap(b.Bytes), maxSize)
	}
}

func TestAReaderThatIsTakenAgainHasNothingOfTheLastSource(t *testing.T) {
	t.Parallel()
	var r Readers
	for range 100 {
		b := r.Take(strings.NewReader("two words"))
		if word, err := b.ReadString(' '); word != "two " || err != nil {
			t.Fatalf("got %q, %v; want the first word", word, err)
		}
		r.Give(b) // with the other word in it
		b = r.Take(strings.NewReader("next"))
		if all, err := io.ReadAll(b); string(all) != "next" || err != nil || b.Size() != ReaderSize {
			t.Fatalf("got %q, %v, from %d bytes; want the next source only, and %d", all, err, b.Size(), ReaderSize)
		}
		r.Give(b)
	}
}
