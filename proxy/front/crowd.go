package front

import (
	"runtime/debug"
	"sync"
	"time"
)

const (
	// awakeWeight is what a connection counts that asks: its stack and its buffers are
	// about three times as large as those of one that rests.
	awakeWeight   = 3
	restingWeight = 1

	// leastCrowd is the smallest crowd whose memory is given back: that of a thousand who
	// asked. Go does it for smaller ones, some minutes later.
	leastCrowd = 1000 * awakeWeight

	// settleTime is how long others may take to follow those who have left.
	settleTime = 1500 * time.Millisecond

	// freeShare is how much rarer memory is given back than it takes.
	freeShare = 20
)

// A crowd has the memory of many callers given back to the system when a third of them
// has left or rests: Go itself would keep it for minutes.
type crowd struct {
	free func() // debug.FreeOSMemory

	mu       sync.Mutex // guards what follows
	weight   int        // of all connections
	peak     int        // the greatest weight since memory was given back
	isEbbing bool       // it is being given back, or will be unless others come
	earliest time.Time  // when it may be again
}

func newCrowd() crowd { return crowd{free: debug.FreeOSMemory} }

// add notes that connections have come, woken, fallen asleep or left.
func (c *crowd) add(weight int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.weight += weight
	c.peak = max(c.peak, c.weight)
	c.look()
}

// look plans to give memory back, if there is much less of a crowd than there was. The
// caller holds c.mu.
func (c *crowd) look() {
	if c.hasEbbed() && !c.isEbbing {
		c.isEbbing = true
		time.AfterFunc(max(settleTime, time.Until(c.earliest)), c.giveBack)
	}
}

func (c *crowd) hasEbbed() bool { return c.peak >= leastCrowd && c.weight <= c.peak/3*2 }

// giveBack gives memory back, if others have not come meanwhile.
func (c *crowd) giveBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hasEbbed() {
		c.peak = c.weight
		c.mu.Unlock()
		began := time.Now()
		c.free()
		c.mu.Lock()
		c.earliest = time.Now().Add(freeShare * time.Since(began))
	}
	c.isEbbing = false
	c.look() // others may have left meanwhile
}
