package proxy

import (
	"errors"
	"os"
	"sync/atomic"
)

const (
	// bodyMemory bounds what all bodies that are under way take of memory together,
	// with a memory limit at most an eighth of that, but not less than
	// leastBodyMemory.
	bodyMemory      = 64 << 20
	leastBodyMemory = 4 << 20

	// bodyDisk bounds what they take of the disk. They never take more than half of
	// what is free there.
	bodyDisk = 1 << 30

	// BodyFilesShare says which part of all files that may be open bodies take at most.
	BodyFilesShare = 16

	// modestBody is what a body may have while larger ones wait.
	modestBody = 16 << 10

	// modestClient is the same for all the bodies of a client.
	modestClient = 128 << 10
)

// errNoRoom says that the bodies under way take all that they may.
var errNoRoom = errors.New("the bodies under way take all the room that there is for them")

// A budget bounds what the bodies under way take together. Nothing is taken for
// bytes that were announced and have not come. A nil budget has no bounds.
type budget struct {
	memory, disk, files share
	diskInMemory        int64 // the bound of the disk's share while that is a file system in memory
}

// newBudget returns the budget of a process with a memory limit, 0 if it has none.
func newBudget(memoryLimit int64) *budget {
	g := &budget{diskInMemory: bodyDisk}
	g.memory.limit, g.disk.limit, g.files.limit = bodyMemory, bodyDisk, filesLimit()/BodyFilesShare
	if memoryLimit > 0 {
		g.memory.limit = max(leastBodyMemory, min(bodyMemory, memoryLimit/8))
		g.diskInMemory = max(leastBodyMemory, min(bodyDisk, memoryLimit/8))
	}
	return g
}

// A share is a bound, and what was taken of it.
type share struct {
	used  atomic.Int64
	limit int64
}

// take takes n, if there is then no more taken than limit.
func (s *share) take(n, limit int64) bool {
	if s.used.Add(n) <= limit {
		return true
	}
	s.used.Add(-n)
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

// A room is what the bodies of one client take of the budget. A nil room is
// nobody's, and has no bounds of its own.
type room struct{ memory, disk share }

// takeMemory takes n bytes, if the client has no more than most then.
func (g *budget) takeMemory(r *room, n, most int64, c claim) bool {
	switch {
	case g == nil:
		return true
	case r == nil:
		return g.memory.take(n, c.of(g.memory.limit))
	case !r.memory.take(n, most):
		return false
	case r.memory.used.Load() <= modestClient:
		c = claimSmall
	}
	if !g.memory.take(n, c.of(g.memory.limit)) {
		r.memory.used.Add(-n)
		return false
	}
	return true
}

func (g *budget) giveMemory(r *room, n int64) {
	if g != nil {
		g.memory.used.Add(-n)
	}
	if g != nil && r != nil {
		r.memory.used.Add(-n)
	}
}

// isScarce reports whether so much of the memory is taken, by all or by the client,
// that a body is better in a file.
func (g *budget) isScarce(r *room) bool {
	return g != nil && (g.memory.used.Load() >= g.memory.limit/4 || r != nil && r.memory.used.Load() >= g.memory.limit/8)
}

// isCrowded reports whether others need the memory that a slow body takes.
func (g *budget) isCrowded() bool { return g != nil && g.memory.used.Load() >= g.memory.limit/2 }

// takeFile takes one file.
func (g *budget) takeFile() bool { return g == nil || g.files.take(1, g.files.limit) }

// takeDisk takes n bytes where file is.
func (g *budget) takeDisk(r *room, file *os.File, n int64, c claim) bool {
	if g == nil {
		return true
	}
	free, inMemory := freeSpace(file)
	limit := g.disk.limit
	if inMemory {
		limit = g.diskInMemory
	}
	if free < g.disk.used.Load()+2*n || r != nil && !r.disk.take(n, limit/2) {
		return false
	}
	if g.disk.take(n, c.of(limit)) {
		return true
	}
	if r != nil {
		r.disk.used.Add(-n)
	}
	return false
}

// giveDisk gives n bytes of the disk back.
func (g *budget) giveDisk(r *room, n int64) {
	if g != nil {
		g.disk.used.Add(-n)
	}
	if g != nil && r != nil {
		r.disk.used.Add(-n)
	}
}

// giveFile gives a file back.
func (g *budget) giveFile() {
	if g != nil {
		g.files.used.Add(-1)
	}
}

// attributes returns how much is taken of what there is, for the log.
func (g *budget) attributes() []any {
	return []any{"memory", g.memory.used.Load(), "memory_limit", g.memory.limit, "disk", g.disk.used.Load(), "disk_limit", g.disk.limit}
}

// holdAnswer takes n bytes of memory for an answer, and reports whether there were so
// many.
func (g *budget) holdAnswer(n int64) bool { return g.takeMemory(nil, n, 0, claimAnswer) }

// releaseAnswer gives back what holdAnswer took.
func (g *budget) releaseAnswer(n int64) { g.giveMemory(nil, n) }
