package body

// take takes n bytes of the budget's memory. What a body begins with is there even
// for a client that has all that it may, so that it goes to a file from there.
func (b *Body) take(n int) bool {
	if b.budget == nil {
		return true
	}
	most := b.budget.Memory.Limit / 2
	if b.taken == 0 && n <= firstMemory {
		most = b.budget.Memory.Limit / 4 * 3
	}
	if !b.budget.takeMemory(b.room, int64(n), most, b.claim(n)) {
		return false
	}
	b.taken += int64(n)
	return true
}

// claim returns what the body can claim of the budget when it has n bytes more.
func (b *Body) claim(n int) claim {
	switch {
	case b.answer:
		return claimAnswer
	case b.taken+int64(n) <= ModestBody:
		return claimSmall
	}
	return claimLarge
}

// makeRoom makes room for the next bytes: by more memory, then by a file, and where
// memory is scarce by a file at once. Where no file can be made, as in an image
// without a directory for temporary files, and where it takes no more, as on a disk
// that is full, memory has to do.
func (b *Body) makeRoom() error {
	have := cap(b.memory)
	if len(b.memory) < have || have == 0 && b.grow() {
		return nil
	}
	if have == 0 {
		return ErrNoRoom
	}
	if !b.budget.isScarce(b.room) && b.grow() || b.spill() || b.grow() {
		return nil
	}
	if !b.take(MemorySize) {
		return ErrNoRoom
	}
	b.blocks, b.memory = append(b.blocks, b.memory), make([]byte, 0, MemorySize)
	return nil
}

// grow makes the memory twice as large, as long as all of the body is there. It
// reports whether it did.
func (b *Body) grow() bool {
	have := cap(b.memory)
	want := max(2*have, firstMemory)
	if want > MemorySize || have > 0 && !b.isPacked() || !b.take(want-have) {
		return false
	}
	more := make([]byte, len(b.memory), want)
	copy(more, b.memory)
	b.memory = more
	return true
}

// spill moves what is in memory to the file, if there is or can be one. It reports
// whether there is room then.
func (b *Body) spill() bool {
	if b.file == nil && !b.full && b.noFile == nil {
		b.open()
	}
	if b.file != nil && !b.full {
		b.flush()
	}
	return len(b.memory) < cap(b.memory)
}
