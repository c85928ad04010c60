package body

import "time"

// take takes n bytes of the budget's memory. The first memory of a body is there even
// for a client that has all that it may, so that its body goes to a file from there.
func (b *Body) take(n int) bool {
	if b.budget == nil {
		return true
	}
	clientLimit := b.budget.Memory.Limit / 2
	if b.taken == 0 && n <= firstMemory {
		clientLimit = b.budget.Memory.Limit / 4 * 3
	}
	if b.noMemory = b.budget.takeMemory(b.client, int64(n), clientLimit, b.priority(n)); b.noMemory != nil {
		return false
	}
	b.taken += int64(n)
	return true
}

// priority returns the one that the body has when it takes n bytes more.
func (b *Body) priority(n int) priority {
	switch {
	case b.isAnswer:
		return answer
	case b.taken+int64(n) <= smallBody:
		return small
	}
	return large
}

// makeRoom makes room for the next bytes: by more memory, then by a file, and at once
// by a file where memory is low. Memory has to do where no file can be made, as in an
// image without a directory for temporary files, and where the file takes no more, as
// on a disk that is full.
func (b *Body) makeRoom(began time.Time) error {
	if len(b.more) > 0 && time.Since(began) > slowGrace && b.isLow(moreShare) {
		b.spill() // others need the memory
	}
	switch {
	case b.hasRoom(), cap(b.memory) == 0 && b.grow():
		return nil
	case cap(b.memory) == 0:
		return &NoRoomError{b.noMemory, nil}
	case !b.isLow(firstShare) && b.grow(), b.mayStay() && b.addPiece(), b.spill(), b.grow(), b.addPiece():
		return nil
	}
	return &NoRoomError{b.noMemory, b.noFile}
}

// last returns the piece of memory that is being filled.
func (b *Body) last() *[]byte {
	if n := len(b.more); n > 0 {
		return &b.more[n-1]
	}
	return &b.memory
}

func (b *Body) hasRoom() bool { last := *b.last(); return len(last) < cap(last) }

func (b *Body) isLow(share int64) bool { return b.budget.isMemoryLow(b.client, share) }

// mayStay reports whether the body can have another piece of memory: it is short enough,
// and others leave it one.
func (b *Body) mayStay() bool {
	return b.file == nil && cap(b.memory) == MemorySize && max(b.size+1, b.announced) <= LongestInMemory && !b.isLow(moreShare)
}

// grow doubles the memory, as long as all of the body is in the first piece. It reports
// whether it did.
func (b *Body) grow() bool {
	have := cap(b.memory)
	want := max(2*have, firstMemory)
	if want > MemorySize || have > 0 && (b.file != nil || len(b.more) > 0) || !b.take(want-have) {
		return false
	}
	grown := make([]byte, len(b.memory), want)
	copy(grown, b.memory)
	b.memory = grown
	return true
}

// addPiece adds a piece of memory. It reports whether it did.
func (b *Body) addPiece() bool {
	if !b.take(MemorySize) {
		return false
	}
	b.more = append(b.more, b.budget.takePiece())
	return true
}

// dropMore gives back all pieces of memory but the first.
func (b *Body) dropMore() {
	for _, piece := range b.more {
		b.budget.givePiece(piece)
	}
	clear(b.more)
	b.more = b.more[:0]
}

// takePiece returns a piece of memory for a body that has taken so much.
func (g *Budget) takePiece() []byte {
	if g != nil {
		if piece, ok := g.pieces.Get().(*[MemorySize]byte); ok {
			return piece[:0]
		}
	}
	return make([]byte, 0, MemorySize)
}

// givePiece keeps a piece of memory for the next body. The garbage collector takes what
// nobody uses, and there are no more than bodies had at a time.
func (g *Budget) givePiece(piece []byte) {
	if g != nil {
		g.pieces.Put((*[MemorySize]byte)(piece[:MemorySize]))
	}
}

// spill moves what is in memory to the file, if there is one or can be. It reports
// whether there is room then.
func (b *Body) spill() bool {
	if b.file == nil && b.noFile == nil {
		b.open()
	}
	if b.file != nil && b.noFile == nil {
		b.flush()
	}
	return b.hasRoom()
}
