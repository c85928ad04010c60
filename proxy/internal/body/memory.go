package body

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
	if !b.budget.takeMemory(b.client, int64(n), clientLimit, b.priority(n)) {
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
func (b *Body) makeRoom() error {
	have := cap(b.memory)
	if len(b.memory) < have || have == 0 && b.grow() {
		return nil
	}
	if have == 0 {
		return ErrNoRoom
	}
	if !b.budget.isMemoryLow(b.client) && b.grow() || b.spill() || b.grow() {
		return nil
	}
	if !b.take(MemorySize) {
		return ErrNoRoom
	}
	b.blocks, b.memory = append(b.blocks, b.memory), make([]byte, 0, MemorySize)
	return nil
}

// grow doubles the memory, as long as all of the body is there. It reports whether it
// did.
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

// spill moves what is in memory to the file, if there is one or can be. It reports
// whether there is room then.
func (b *Body) spill() bool {
	if b.file == nil && !b.isFileFull && b.noFile == nil {
		b.open()
	}
	if b.file != nil && !b.isFileFull {
		b.flush()
	}
	return len(b.memory) < cap(b.memory)
}
