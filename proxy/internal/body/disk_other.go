//go:build !linux

package body

import (
	"math"
	"os"
)

// freeSpace does not know here: a write that fails says so.
func freeSpace(*os.File) (free int64, inMemory bool) { return math.MaxInt64, false }

// filesLimit does not know either.
func filesLimit() int64 { return math.MaxInt32 }
