package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	// memorySize is how much of a body is kept in memory: a longer one goes to a
	// file while it arrives, through as much memory.
	memorySize = 64 << 10

	// firstMemory is what a body begins with. What a caller announces costs
	// nothing before it arrives.
	firstMemory = 4 << 10
)

// errBodyTooLarge says that a body is longer than its limit.
var errBodyTooLarge = errors.New("the body is larger than allowed")

// A Body is the body of a request. It is complete before the first byte of the
// request is sent, and can be read any number of times.
type Body struct {
	memory []byte   // all of it, or what is not in the file yet
	file   *os.File // nil: memory is enough. It has no name: it ends with the process
	size   int64
	noFile error  // why a long body is in memory nevertheless
	own    []byte // its memory, while it has borrowed some
	lent   bool   // it has
}

// Len returns the number of its bytes.
func (b *Body) Len() int64 {
	if b == nil {
		return 0
	}
	return b.size
}

// Reader returns a reader of all of it. Several may be in use.
func (b *Body) Reader() io.Reader {
	switch {
	case b == nil:
		return bytes.NewReader(nil)
	case b.file != nil:
		return io.NewSectionReader(b.file, 0, b.size)
	}
	return bytes.NewReader(b.memory)
}

// fill takes in all of src, but no more than limit bytes.
func (b *Body) fill(src io.Reader, limit int64) error {
	for {
		if err := b.makeRoom(); err != nil {
			return err
		}
		n, err := src.Read(b.memory[len(b.memory):cap(b.memory)])
		b.memory = b.memory[:len(b.memory)+n]
		b.size += int64(n)
		end := err == io.EOF // a wrapped one is in the midst of something
		switch {
		case b.size > limit:
			return errBodyTooLarge
		case end && b.file != nil:
			return b.flush()
		case end:
			return nil
		case err != nil:
			return err
		}
	}
}

// makeRoom makes room for the next bytes: by more memory, then by a file. Where
// no file can be made, as in an image without a directory for temporary files,
// memory has to do.
func (b *Body) makeRoom() error {
	if len(b.memory) < cap(b.memory) {
		return nil
	}
	if b.file == nil && b.noFile == nil && len(b.memory) >= memorySize {
		b.file, b.noFile = unnamedFile()
	}
	if b.file != nil {
		return b.flush()
	}
	more := make([]byte, len(b.memory), max(2*len(b.memory), firstMemory))
	copy(more, b.memory)
	b.memory = more
	return nil
}

// flush moves what is in memory to the file.
func (b *Body) flush() error {
	if _, err := b.file.Write(b.memory); err != nil {
		return &spoolError{err}
	}
	b.memory = b.memory[:0]
	return nil
}

// A spoolError says that a body could not be written to its file.
type spoolError struct{ error }

func (e *spoolError) Error() string { return fmt.Sprintf("keeping a body in a file: %v", e.error) }
func (e *spoolError) Unwrap() error { return e.error }

// borrow makes body the body, which must stay as it is until release.
func (b *Body) borrow(body []byte) {
	b.own, b.memory, b.size, b.lent = b.memory[:0], body, int64(len(body)), true
}

// replace makes body the body.
func (b *Body) replace(body []byte) {
	if b.file != nil {
		b.file.Close()
		b.file = nil
	}
	if b.lent {
		b.memory = b.own
	}
	b.borrow(body)
}

// release gives the file back, and memory that is too large to be kept.
func (b *Body) release() {
	if b.file != nil {
		b.file.Close()
	}
	if b.lent {
		b.memory = b.own
	}
	if cap(b.memory) > memorySize {
		b.memory = nil
	}
	*b = Body{memory: b.memory[:0]}
}

// unnamedFile returns a new file in the system's directory for temporary files
// that only this process can reach.
func unnamedFile() (*os.File, error) {
	f, err := os.CreateTemp("", "wxproxy-body-")
	if err != nil {
		return nil, fmt.Errorf("creating a temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("removing a temporary file's name: %w", err)
	}
	return f, nil
}
