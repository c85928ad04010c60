package body

import (
	"fmt"
	"os"
)

// open makes the file, if there may be another one.
func (b *Body) open() {
	if full := b.budget.takeFile(); full != nil {
		b.noFile = full
		return
	}
	if b.file, b.noFile = unnamedFile(); b.noFile != nil {
		b.budget.giveFile()
	}
}

// flush moves what is in memory to the file, as far as the file takes it, and gives back
// all memory but the first piece.
func (b *Body) flush() {
	length := b.size - b.written
	if full := b.budget.takeDisk(b.client, b.file, length, b.priority(MemorySize)); full != nil {
		b.noFile = full
		b.dropEmptyFile()
		return
	}
	end := b.written + length
	b.writeOut(&b.memory)
	for i := range b.more {
		b.writeOut(&b.more[i])
	}
	if b.noFile != nil {
		b.budget.giveDisk(b.client, end-b.written)
		b.dropEmptyFile()
		return
	}
	freed := int64(len(b.more)) * MemorySize
	b.dropMore()
	b.budget.giveMemory(b.client, freed)
	b.taken -= freed
}

// writeOut moves a piece of memory to the end of the file, as far as the file takes it.
func (b *Body) writeOut(piece *[]byte) {
	if b.noFile != nil {
		return
	}
	n, err := b.file.Write(*piece)
	b.written += int64(n)
	*piece = (*piece)[:copy(*piece, (*piece)[n:])]
	if err != nil {
		b.noFile = fmt.Errorf("writing a temporary file: %w", err)
	}
}

// dropEmptyFile gives back a file that took nothing, so that the whole body is in
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
		b.budget.giveDisk(b.client, b.written)
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
