// Package body keeps the bodies of requests so that each can be read again: in memory,
// then in a file, and all of them together within a budget.
package body

import (
	"bytes"
	"errors"
	"io"
	"os"
	"time"
)

const (
	// MemorySize is how much of a body is kept in memory: a longer one goes to a
	// file while it arrives, through as much memory.
	MemorySize = 64 << 10

	// firstMemory is what a body begins with. What a caller announces costs
	// nothing before it arrives.
	firstMemory = 4 << 10

	// crowdedGrace and crowdedRate are the same for a body that is kept in memory while
	// half of that is taken.
	crowdedGrace = 5 * time.Second
	crowdedRate  = 16 << 10
)

// ErrTooLarge says that a body is longer than its limit.
var ErrTooLarge = errors.New("the body is larger than allowed")

// ErrSlow says that a body comes slowly and takes memory that others need.
var ErrSlow = errors.New("the body comes slowly, and memory is scarce")

// A Body is the body of a request. It is complete before the first byte of the
// request is sent, and can be read any number of times.
type Body struct {
	memory  []byte   // all of it, or what came last
	file    *os.File // nil: there is none. It has no name: it ends with the process
	written int64    // how much of the body is in the file
	blocks  [][]byte // what the file did not take, in front of memory
	size    int64
	full    bool    // the file takes no more
	noFile  error   // why
	budget  *Budget // where what it takes comes from
	room    *Client // whose it is, too
	answer  bool    // it is that of an answer
	taken   int64   // of the budget's memory
	own     []byte  // its memory, while it has borrowed some
	lent    bool    // it has
}

// New returns a body of a request that takes what it needs from budget.
func New(budget *Budget) Body { return Body{budget: budget} }

// NewAnswer returns one that is an answer's, which can be passed on without being
// kept: others have the budget first.
func NewAnswer(budget *Budget) *Body { return &Body{budget: budget, answer: true} }

// Of says whose the body is: what it takes counts among what that client's bodies
// take; nil: nobody's.
func (b *Body) Of(client *Client) { b.room = client }

// NoFile returns why it could not be written to a file; nil: it could, or need not be.
func (b *Body) NoFile() error { return b.noFile }

// InMemory returns all of it, if that is in one piece of memory.
func (b *Body) InMemory() (whole []byte, ok bool) {
	switch {
	case b == nil:
		return nil, true
	case b.isPacked():
		return b.memory, true
	}
	return nil, false
}

// Len returns the number of its bytes.
func (b *Body) Len() int64 {
	if b == nil {
		return 0
	}
	return b.size
}

// isPacked reports whether all of it is in one piece of memory.
func (b *Body) isPacked() bool { return b == nil || b.file == nil && len(b.blocks) == 0 }

// Reader returns a reader of all of it. Several may be in use.
func (b *Body) Reader() io.Reader {
	switch {
	case b == nil:
		return bytes.NewReader(nil)
	case b.isPacked():
		return bytes.NewReader(b.memory)
	}
	pieces := make([]io.Reader, 0, len(b.blocks)+2)
	if b.file != nil {
		pieces = append(pieces, io.NewSectionReader(b.file, 0, b.written))
	}
	for _, block := range b.blocks {
		pieces = append(pieces, bytes.NewReader(block))
	}
	return io.MultiReader(append(pieces, bytes.NewReader(b.memory))...)
}

// Fill takes in all of src, but no more than limit bytes.
func (b *Body) Fill(src io.Reader, limit int64) error {
	if kept := cap(b.memory); kept > firstMemory && b.budget.isScarce(b.room) || kept > 0 && !b.take(kept) {
		b.memory = nil
	}
	for began := time.Now(); ; {
		if err := b.makeRoom(); err != nil {
			return err
		}
		n, err := src.Read(b.memory[len(b.memory):cap(b.memory)])
		b.memory = b.memory[:len(b.memory)+n]
		b.size += int64(n)
		end := err == io.EOF // a wrapped one is in the midst of something
		switch {
		case b.size > limit:
			return ErrTooLarge
		case end:
			return nil
		case err != nil:
			return err
		case b.isInTheWay(began):
			return ErrSlow
		}
	}
}

// isInTheWay reports whether a body which takes a lot of scarce memory comes slowly.
func (b *Body) isInTheWay(began time.Time) bool {
	if b.answer || b.taken <= ModestBody || !b.budget.isCrowded() {
		return false
	}
	took := time.Since(began)
	return took > crowdedGrace && b.size < int64(took/time.Second)*crowdedRate
}

// Borrow makes body the body, which must stay as it is until release.
func (b *Body) Borrow(body []byte) {
	b.own, b.memory, b.size, b.lent = b.memory[:0], body, int64(len(body)), true
}

// Replace makes body the body.
func (b *Body) Replace(body []byte) {
	b.dropFile()
	b.blocks = nil
	if b.lent {
		b.memory = b.own
	}
	b.Borrow(body)
}

// Release gives back what the body has taken, but for a little memory.
func (b *Body) Release() {
	b.dropFile()
	if b.taken > 0 {
		b.budget.giveMemory(b.room, b.taken)
	}
	if b.lent {
		b.memory = b.own
	}
	*b = Body{memory: b.memory[:0], budget: b.budget}
}
