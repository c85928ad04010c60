package proxy

import (
	"errors"
	"os"
	"sync/atomic"
	"time"
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

	// modestBody is what a body may have while larger ones wait.
	modestBody = 16 << 10
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
	g.memory.limit, g.disk.limit, g.files.limit = bodyMemory, bodyDisk, filesLimit()/4
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

func (g *budget) takeMemory(n int64, c claim) bool {
	return g == nil || g.memory.take(n, c.of(g.memory.limit))
}

func (g *budget) giveMemory(n int64) {
	if g != nil {
		g.memory.used.Add(-n)
	}
}

// takeFile takes one file.
func (g *budget) takeFile() bool { return g == nil || g.files.take(1, g.files.limit) }

// takeDisk takes n bytes where file is.
func (g *budget) takeDisk(file *os.File, n int64, c claim) bool {
	if g == nil {
		return true
	}
	free, inMemory := freeSpace(file)
	limit := g.disk.limit
	if inMemory {
		limit = g.diskInMemory
	}
	return free >= g.disk.used.Load()+2*n && g.disk.take(n, c.of(limit))
}

// giveDisk gives n bytes of the disk back.
func (g *budget) giveDisk(n int64) {
	if g != nil {
		g.disk.used.Add(-n)
	}
}

// giveFile gives a file back.
func (g *budget) giveFile() {
	if g != nil {
		g.files.used.Add(-1)
	}
}

// A seldom says once a minute that something may be said.
type seldom struct{ last atomic.Int64 } // when, in Unix nanoseconds

func (s *seldom) now() bool {
	last, now := s.last.Load(), time.Now().UnixNano()
	return (last == 0 || now-last >= int64(time.Minute)) && s.last.CompareAndSwap(last, now)
}
