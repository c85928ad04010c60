package body

import (
	"errors"
	"fmt"
	"os"
)

// ErrNoRoom says that the bodies under way take all that they may.
var ErrNoRoom = errors.New("the bodies under way take all the room that there is for them")

// A NoRoomError is an ErrNoRoom: why there was neither memory nor a file for more of a
// body.
type NoRoomError struct {
	Memory *Full
	File   error // a *Full, or why a file could not be made or written; nil: memory is lacking for the way to a file
}

func (e *NoRoomError) Error() string { return ErrNoRoom.Error() }

func (e *NoRoomError) Unwrap() error { return ErrNoRoom }

// IsOfClient reports whether a body of another client would have found room, because this
// one's bodies take its share.
func (e *NoRoomError) IsOfClient() bool {
	var file *Full
	return e.Memory.OfClient || errors.As(e.File, &file) && file.OfClient
}

// Taken returns attributes for the log: what is taken of each thing that is full, and why
// there is no file if that has another reason.
func (e *NoRoomError) Taken() []any {
	said := e.Memory.attributes()
	var file *Full
	isFull := errors.As(e.File, &file)
	if isFull {
		said = append(said, file.attributes()...)
	}
	if e.File != nil && (!isFull || file.IsScarce) {
		said = append(said, "err", e.File)
	}
	return said
}

// What a Full can be of.
const (
	memory = "memory"
	disk   = "disk"
	files  = "files"
)

// A Full says what is taken of something that has no more for a body.
type Full struct {
	Of       string // "memory", "disk" or "files"
	Taken    int64
	Limit    int64 // the one that holds for this body: larger ones leave something to smaller ones
	OfClient bool  // it is a client's share; otherwise that of all
	IsScarce bool  // the limit is half of what is free on the disk
}

func (f *Full) Error() string {
	if f.IsScarce {
		return fmt.Sprintf("temporary files in %s have %d bytes and may have %d, half of what is free there", os.TempDir(), f.Taken, f.Limit)
	}
	return fmt.Sprintf("of the limit of %s, %d, %d are taken", f.Of, f.Limit, f.Taken)
}

// of says what f is of, and whose share of it, nil: that of all. A nil Full stays nil.
func (f *Full) of(what string, client *ClientUsage) *Full {
	if f != nil {
		f.Of, f.OfClient = what, client != nil
	}
	return f
}

func (f *Full) attributes() []any { return []any{f.Of, f.Taken, f.Of + "_limit", f.Limit} }
