// Package body keeps the bodies of requests, in memory or in a file, so that each can
// be read again, and bounds what all of them take together by a budget.
package body

import (
	"errors"
	"io"
	"os"
	"time"
)

const (
	// MemorySize is how many bytes one piece of a body's memory has. A body that goes to
	// a file while it arrives goes through one piece.
	MemorySize = 64 << 10

	// LongestInMemory is how many bytes a body has at most that stays in memory where there
	// is room for more of it and a file could be made.
	LongestInMemory = 1 << 20

	// firstMemory is how many bytes of memory a body begins with. What a caller announces
	// costs nothing before it arrives.
	firstMemory = 4 << 10

	// While half of the budget's memory is taken, a body in it that has not come to its
	// end after slowGrace must have come at slowRate, in bytes per second.
	slowGrace = 5 * time.Second
	slowRate  = 16 << 10
)

// ErrTooLarge says that a body is longer than its limit.
var ErrTooLarge = errors.New("the body is larger than allowed")

// ErrSlow says that a body comes slowly and takes memory that others need.
var ErrSlow = errors.New("the body comes slowly, and memory is scarce")

// A Body is the body of a request. It is complete before the first byte of the
// request is sent, and can be read any number of times.
type Body struct {
	memory   []byte   // the first piece of it, behind what is in the file
	more     [][]byte // the next ones, each from the budget
	file     *os.File // nil: there is none. It has no name: it ends with the process
	written  int64    // how many bytes are in the file
	size     int64    // how many bytes came
	noFile   error    // why there is no file, or it takes no more; nil: there can be one
	noMemory *Full    // why there was no more memory when the body wanted some

	budget    *Budget
	client    *ClientUsage // nil: nobody's
	isAnswer  bool         // the body is an answer's
	taken     int64        // how many bytes of the budget's memory it has
	announced int64        // how many bytes are to come; 0 or less: unknown

	isBorrowed bool   // memory is somebody else's
	own        []byte // while it is: the body's memory, for later
}

// New returns a body of a request that takes what it needs from budget.
func New(budget *Budget) Body { return Body{budget: budget} }

// NewAnswer returns a body of an answer. An answer can be passed on without being
// kept, so it leaves part of the budget to the bodies of requests.
func NewAnswer(budget *Budget) *Body { return &Body{budget: budget, isAnswer: true} }

// CountFor has what the body takes from now on counted for a client as well; nil: for
// none.
func (b *Body) CountFor(client *ClientUsage) { b.client = client }

// Expect says how many bytes are to come: a body that is too long for memory goes to its
// file while it arrives. If that is unknown, length is 0 or less.
func (b *Body) Expect(length int64) { b.announced = length }

// NoFile returns why the directory for temporary files did not take the body; nil if it
// did, or was not asked because the bodies under way have their share of it.
func (b *Body) NoFile() error {
	if b.noFile == nil {
		return nil // the usual case, without an allocation
	}
	var full *Full
	if errors.As(b.noFile, &full) && !full.IsScarce {
		return nil
	}
	return b.noFile
}

// Len returns the number of the body's bytes.
func (b *Body) Len() int64 {
	if b == nil {
		return 0
	}
	return b.size
}

// Fill reads all of src, but no more than limit bytes, into the body.
func (b *Body) Fill(src io.Reader, limit int64) error {
	if kept := cap(b.memory); kept > firstMemory && b.isLow(firstShare) || kept > 0 && !b.take(kept) {
		b.memory = nil
	}
	for began := time.Now(); ; {
		if err := b.makeRoom(began); err != nil {
			if b.mayBeWhole() && hasEnded(src) {
				return nil
			}
			return err
		}
		last := b.last()
		n, err := src.Read((*last)[len(*last):cap(*last)])
		*last = (*last)[:len(*last)+n]
		b.size += int64(n)
		end := err == io.EOF // a wrapped one is in the midst of something
		switch {
		case b.size > limit:
			return ErrTooLarge
		case end:
			return nil
		case err != nil:
			return err
		case b.isTooSlow(began):
			return ErrSlow
		}
	}
}

// mayBeWhole reports whether all that was announced has come, or nothing was announced. An
// answer without room goes on with the next byte, which must not be looked at.
func (b *Body) mayBeWhole() bool { return !b.isAnswer && b.size > 0 && b.size >= b.announced }

// hasEnded reports whether nothing more comes, for which it waits: a body that just fills
// its memory needs no more of it.
func hasEnded(src io.Reader) bool {
	n, err := io.ReadFull(src, make([]byte, 1))
	return n == 0 && err == io.EOF
}

// isTooSlow reports whether the body comes too slowly for the memory that it takes
// from others.
func (b *Body) isTooSlow(began time.Time) bool {
	if b.isAnswer || b.taken <= smallBody || !b.budget.isMemoryHalfTaken() {
		return false
	}
	took := time.Since(began)
	return took > slowGrace && b.size < int64(took/time.Second)*slowRate
}

// Borrow makes whole, which must stay as it is until Release, the body's content.
func (b *Body) Borrow(whole []byte) {
	b.own, b.memory, b.size, b.isBorrowed = b.memory[:0], whole, int64(len(whole)), true
}

// Replace does what Borrow does for a body that has been filled.
func (b *Body) Replace(whole []byte) {
	b.dropFile()
	b.dropMore()
	if b.isBorrowed {
		b.memory = b.own
	}
	b.Borrow(whole)
}

// Release gives back what the body has taken of the budget, and empties it. Some
// memory stays for the next one.
func (b *Body) Release() {
	b.dropFile()
	b.dropMore()
	if b.taken > 0 {
		b.budget.giveMemory(b.client, b.taken)
	}
	if b.isBorrowed {
		b.memory = b.own
	}
	*b = Body{memory: b.memory[:0], more: b.more, budget: b.budget}
}
