//go:build !linux

package body

import (
	"math"
	"os"
)

// freeSpace cannot ask this system, and sets no bound: a write that fails says so.
func freeSpace(*os.File) (free int64, inMemory bool) { return math.MaxInt64, false }

// filesLimit cannot ask either, and sets no bound.
func filesLimit() int64 { return math.MaxInt32 }
