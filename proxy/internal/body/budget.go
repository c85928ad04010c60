package body

import (
	"errors"
	"os"
	"sync/atomic"
)

const (
	// DefaultMemory bounds what all bodies that are under way take of memory together,
	// with a memory limit at most an eighth of that, but not less than
	// leastMemory.
	DefaultMemory = 64 << 20
	leastMemory   = 4 << 20

	// defaultDisk bounds what they take of the disk. They never take more than half of
	// what is free there.
	defaultDisk = 1 << 30

	// FilesShare says which part of all files that may be open bodies take at most.
	FilesShare = 16

	// ModestBody is what a body may have while larger ones wait.
	ModestBody = 16 << 10

	// modestClient is the same for all the bodies of a client.
	modestClient = 128 << 10
)

// ErrNoRoom says that the bodies under way take all that they may.
var ErrNoRoom = errors.New("the bodies under way take all the room that there is for them")

// A Budget bounds what the bodies under way take together. Nothing is taken for
// bytes that were announced and have not come. A nil budget has no bounds.
type Budget struct {
	Memory, Disk, Files share
	diskInMemory        int64 // the bound of the disk's share while that is a file system in memory
}

// NewBudget returns the budget of a process with a memory limit, 0 if it has none.
func NewBudget(memoryLimit int64) *Budget {
	g := &Budget{diskInMemory: defaultDisk}
	g.Memory.Limit, g.Disk.Limit, g.Files.Limit = DefaultMemory, defaultDisk, filesLimit()/FilesShare
	if memoryLimit > 0 {
		g.Memory.Limit = max(leastMemory, min(DefaultMemory, memoryLimit/8))
		g.diskInMemory = max(leastMemory, min(defaultDisk, memoryLimit/8))
	}
	return g
}

// A share is a bound, and what was taken of it.
type share struct {
	Used  atomic.Int64
	Limit int64
}

// take takes n, if there is then no more taken than limit.
func (s *share) take(n, limit int64) bool {
	if s.Used.Add(n) <= limit {
		return true
	}
	s.Used.Add(-n)
	return false
}

// A claim says how much of a share may be taken already when more is asked for:
// what is large leaves something to what is small, and an answer, which can be
// passed on without being kept, leaves half.
type claim int

const (
	claimSmall claim = iota
	claimLarge
	claimAnswer
)

func (c claim) of(limit int64) int64 {
	switch c {
	case claimLarge:
		return limit / 4 * 3
	case claimAnswer:
		return limit / 2
	}
	return limit
}

// A Client is what the bodies of one client take of the budget. A nil room is
// nobody's, and has no bounds of its own.
type Client struct{ memory, disk share }

// takeMemory takes n bytes, if the client has no more than most then.
func (g *Budget) takeMemory(r *Client, n, most int64, c claim) bool {
	switch {
	case g == nil:
		return true
	case r == nil:
		return g.Memory.take(n, c.of(g.Memory.Limit))
	case !r.memory.take(n, most):
		return false
	case r.memory.Used.Load() <= modestClient:
		c = claimSmall
	}
	if !g.Memory.take(n, c.of(g.Memory.Limit)) {
		r.memory.Used.Add(-n)
		return false
	}
	return true
}

func (g *Budget) giveMemory(r *Client, n int64) {
	if g != nil {
		g.Memory.Used.Add(-n)
	}
	if g != nil && r != nil {
		r.memory.Used.Add(-n)
	}
}

// isScarce reports whether so much of the memory is taken, by all or by the client,
// that a body is better in a file.
func (g *Budget) isScarce(r *Client) bool {
	return g != nil && (g.Memory.Used.Load() >= g.Memory.Limit/4 || r != nil && r.memory.Used.Load() >= g.Memory.Limit/8)
}

// isCrowded reports whether others need the memory that a slow body takes.
func (g *Budget) isCrowded() bool { return g != nil && g.Memory.Used.Load() >= g.Memory.Limit/2 }

// takeFile takes one file.
func (g *Budget) takeFile() bool { return g == nil || g.Files.take(1, g.Files.Limit) }

// takeDisk takes n bytes where file is.
func (g *Budget) takeDisk(r *Client, file *os.File, n int64, c claim) bool {
	if g == nil {
		return true
	}
	free, inMemory := freeSpace(file)
	limit := g.Disk.Limit
	if inMemory {
		limit = g.diskInMemory
	}
	if free < g.Disk.Used.Load()+2*n || r != nil && !r.disk.take(n, limit/2) {
		return false
	}
	if g.Disk.take(n, c.of(limit)) {
		return true
	}
	if r != nil {
		r.disk.Used.Add(-n)
	}
	return false
}

// giveDisk gives n bytes of the disk back.
func (g *Budget) giveDisk(r *Client, n int64) {
	if g != nil {
		g.Disk.Used.Add(-n)
	}
	if g != nil && r != nil {
		r.disk.Used.Add(-n)
	}
}

// giveFile gives a file back.
func (g *Budget) giveFile() {
	if g != nil {
		g.Files.Used.Add(-1)
	}
}

// Attributes returns how much is taken of what there is, for the log.
func (g *Budget) Attributes() []any {
	return []any{"memory", g.Memory.Used.Load(), "memory_limit", g.Memory.Limit, "disk", g.Disk.Used.Load(), "disk_limit", g.Disk.Limit}
}

// HoldAnswer takes n bytes of memory for an answer, and reports whether there were so
// many.
func (g *Budget) HoldAnswer(n int64) bool { return g.takeMemory(nil, n, 0, claimAnswer) }

// ReleaseAnswer gives back what holdAnswer took.
func (g *Budget) ReleaseAnswer(n int64) { g.giveMemory(nil, n) }
