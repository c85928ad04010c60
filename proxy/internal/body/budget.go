package body

import (
	"os"
	"sync"
	"sync/atomic"
)

const (
	// defaultMemory bounds what all bodies that are under way take of memory together:
	// with a memory limit at most an eighth of that, but not less than leastMemory.
	defaultMemory = 64 << 20
	leastMemory   = 4 << 20

	// defaultDisk bounds what they take of the disk. They never take more than half of
	// what is free there.
	defaultDisk = 1 << 30

	// FilesShare is the divisor that gives, of all files that may be open, how many
	// bodies take at most.
	FilesShare = 16

	// firstShare and moreShare say from which sixteenth of the memory on a body that can
	// have a file gets no more: for its first piece, which the way to the file takes too, or
	// for another one. A client gets no more when it has clientShare less than that, so that
	// others have memory too.
	firstShare, moreShare, clientShare = 7, 6, 2

	// smallBody is the size up to which a body may take the memory that larger ones leave.
	smallBody = 16 << 10

	// smallClient is the size up to which all the bodies of one client together may do so.
	smallClient = 128 << 10
)

// A Budget bounds what the bodies under way take together. Nothing is taken for
// bytes that were announced and have not come. A nil Budget has no bounds.
type Budget struct {
	Memory, Disk Bound     // in bytes
	Files        Bound     // in open files
	diskInMemory int64     // the limit of Disk where the file system of temporary files is in memory
	pieces       sync.Pool // of *[MemorySize]byte, those that no body has
}

// NewBudget returns the budget of a process with a memory limit, 0 if it has none.
func NewBudget(memoryLimit int64) *Budget {
	g := &Budget{diskInMemory: defaultDisk}
	g.Memory.Limit, g.Disk.Limit, g.Files.Limit = defaultMemory, defaultDisk, filesLimit()/FilesShare
	if memoryLimit > 0 {
		g.Memory.Limit = max(leastMemory, min(defaultMemory, memoryLimit/8))
		g.diskInMemory = max(leastMemory, min(defaultDisk, memoryLimit/8))
	}
	return g
}

// A Bound is a limit, and how much of it is taken.
type Bound struct {
	Limit int64
	taken atomic.Int64
}

// Taken returns how much is taken.
func (b *Bound) Taken() int64 { return b.taken.Load() }

// take takes n, if no more than limit is taken then, and says otherwise what is.
func (b *Bound) take(n, limit int64) *Full {
	taken := b.taken.Load() // a try that fails takes nothing meanwhile from others
	for taken+n <= limit {
		if b.taken.CompareAndSwap(taken, taken+n) {
			return nil
		}
		taken = b.taken.Load()
	}
	return &Full{Taken: taken, Limit: limit}
}

// A priority says up to which part of a limit a body may take more: large bodies
// leave something to small ones, and an answer, which can be passed on without being
// kept, leaves half.
type priority int

const (
	small priority = iota
	large
	answer
)

func (p priority) of(limit int64) int64 {
	switch p {
	case large:
		return limit / 4 * 3
	case answer:
		return limit / 2
	}
	return limit
}

// ClientUsage is what all bodies of one client take of the budget. A nil ClientUsage
// stands for requests of no client, which only the budget itself bounds.
type ClientUsage struct{ memory, disk Bound }

// takeMemory takes n bytes, if the client then has no more than clientLimit.
func (g *Budget) takeMemory(client *ClientUsage, n, clientLimit int64, p priority) *Full {
	if g == nil {
		return nil
	}
	if client != nil {
		if full := client.memory.take(n, clientLimit); full != nil {
			return full.of(memory, client)
		}
		if client.memory.Taken() <= smallClient {
			p = small
		}
	}
	full := g.Memory.take(n, p.of(g.Memory.Limit))
	if full != nil && client != nil {
		client.memory.taken.Add(-n)
	}
	return full.of(memory, nil)
}

func (g *Budget) giveMemory(client *ClientUsage, n int64) {
	if g == nil {
		return
	}
	g.Memory.taken.Add(-n)
	if client != nil {
		client.memory.taken.Add(-n)
	}
}

// isMemoryLow reports whether so much of the memory is taken, by all or by the client,
// that a body is better in a file.
func (g *Budget) isMemoryLow(client *ClientUsage, share int64) bool {
	if g == nil {
		return false
	}
	sixteenth := g.Memory.Limit / 16
	return g.Memory.Taken() >= share*sixteenth || client != nil && client.memory.Taken() >= (share-clientShare)*sixteenth
}

// isMemoryHalfTaken reports whether others need the memory that a slow body takes.
func (g *Budget) isMemoryHalfTaken() bool { return g != nil && g.Memory.Taken() >= g.Memory.Limit/2 }

// takeFile takes one file.
func (g *Budget) takeFile() *Full {
	if g == nil {
		return nil
	}
	return g.Files.take(1, g.Files.Limit).of(files, nil)
}

// takeDisk takes n bytes of the disk that file is on.
func (g *Budget) takeDisk(client *ClientUsage, file *os.File, n int64, p priority) *Full {
	if g == nil {
		return nil
	}
	free, inMemory := freeSpace(file)
	limit, half := g.Disk.Limit, free/2+g.Disk.Taken()/2 // of what would be free without bodies
	if inMemory {
		limit = g.diskInMemory
	}
	if client != nil {
		if full := client.disk.take(n, limit/2); full != nil {
			return full.of(disk, client)
		}
	}
	full := g.Disk.take(n, min(p.of(limit), half))
	if full != nil {
		full.IsScarce = half < p.of(limit)
		if client != nil {
			client.disk.taken.Add(-n)
		}
	}
	return full.of(disk, nil)
}

// giveDisk gives n bytes of the disk back.
func (g *Budget) giveDisk(client *ClientUsage, n int64) {
	if g == nil {
		return
	}
	g.Disk.taken.Add(-n)
	if client != nil {
		client.disk.taken.Add(-n)
	}
}

// giveFile gives a file back.
func (g *Budget) giveFile() {
	if g != nil {
		g.Files.taken.Add(-1)
	}
}

// HoldAnswer takes n bytes of memory for an answer, and reports whether there were so many.
func (g *Budget) HoldAnswer(n int64) bool { return g.takeMemory(nil, n, 0, answer) == nil }

// ReleaseAnswer gives back what HoldAnswer took.
func (g *Budget) ReleaseAnswer(n int64) { g.giveMemory(nil, n) }
