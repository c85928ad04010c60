package apis

import (
	"math"
	"math/bits"
	"time"
)

// Times are counted in classes, of which each ends 19 % (the fourth root of 2) above the one
// before: the middle of a class is at most 9.1 % away from any time in it. The first class has
// all that is shorter than 0.6 ms, and the last one all that is longer than 28 s.
const (
	classes     = 64
	perDoubling = 4
	shortest    = 19 // the first class begins with 2^19 ns, which is 0.5 ms
)

// steps are the beginnings of the further classes between 2^31 and 2^32.
var steps = [perDoubling - 1]uint32{2_553_802_834, 3_037_000_500, 3_611_622_603}

// classOf returns the class of a time.
func classOf(took time.Duration) int {
	n := uint64(max(took, 1<<shortest))
	doublings := bits.Len64(n) - 1
	mantissa := uint32(n << (63 - doublings) >> 32)
	class := (doublings - shortest) * perDoubling
	for _, step := range steps {
		if mantissa >= step {
			class++
		}
	}
	return min(class, classes-1)
}

// middle returns the time that a class stands for.
func middle(class int) time.Duration {
	return time.Duration(math.Exp2(shortest + (float64(class)+0.5)/perDoubling))
}

// A histogram is how many calls there were in each class.
type histogram [classes]uint64

// sum returns how many calls there were.
func (h histogram) sum() (n uint64) {
	for _, counted := range h {
		n += counted
	}
	return n
}

// since returns what came to h after earlier.
func (h histogram) since(earlier histogram) histogram {
	for i, n := range earlier {
		h[i] -= n
	}
	return h
}

// quantile returns within which time the portion q of the calls was answered; 0 without
// calls.
func (h histogram) quantile(q float64) time.Duration {
	n, seen := h.sum(), uint64(0)
	for class, counted := range h {
		if seen += counted; counted > 0 && float64(seen) >= q*float64(n) {
			return middle(class)
		}
	}
	return 0
}
