//go:build unix

package limits

import (
	"math"
	"syscall"
)

// OpenFiles returns how many files the process may have open, 0 if that is not known.
// Go has raised the limit as far as it may before.
func OpenFiles() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(uint64(limit.Cur), math.MaxInt32)) //nolint:unconvert // it is signed on some systems
}
