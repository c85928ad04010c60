package body

import (
	"fmt"
	"os"
)

// open makes the file, if there may be another one.
func (b *Body) open() {
	if b.full = !b.budget.takeFile(); b.full {
		return
	}
	if b.file, b.noFile = unnamedFile(); b.noFile != nil {
		b.budget.giveFile()
	}
}

// flush moves what is in memory to the file, as far as that takes it.
func (b *Body) flush() {
	length := int64(len(b.memory))
	if b.full = !b.budget.takeDisk(b.room, b.file, length, b.claim(MemorySize)); b.full {
		b.dropEmptyFile()
		return
	}
	n, err := b.file.Write(b.memory)
	b.written += int64(n)
	b.memory = b.memory[:copy(b.memory, b.memory[n:])]
	if err != nil {
		b.full, b.noFile = true, fmt.Errorf("writing a temporary file: %w", err)
		b.budget.giveDisk(b.room, length-int64(n))
		b.dropEmptyFile()
	}
}

// dropEmptyFile gives a file back that took nothing, so that all of the body is in
// memory.
func (b *Body) dropEmptyFile() {
	if b.written == 0 {
		b.dropFile()
	}
}

// dropFile gives the file back, if there is one.
func (b *Body) dropFile() {
	if b.file != nil {
		b.file.Close()
		b.budget.giveDisk(b.room, b.written)
		b.budget.giveFile()
		b.file, b.written = nil, 0
	}
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
