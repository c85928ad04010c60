package body

import (
	"math"
	"os"
	"syscall"
)

// File systems that take memory, by the numbers of statfs(2).
const (
	tmpfs = 0x01021994
	ramfs = 0x858458f6
)

// freeSpace returns how many bytes can be written where file is, and whether they
// would be in memory.
func freeSpace(file *os.File) (free int64, inMemory bool) {
	var stat syscall.Statfs_t
	if err := syscall.Fstatfs(int(file.Fd()), &stat); err != nil || stat.Blocks == 0 {
		return math.MaxInt64, false // a write that fails says so
	}
	free = math.MaxInt64
	if blocks := stat.Bavail; blocks < uint64(math.MaxInt64/stat.Bsize) {
		free = int64(blocks) * stat.Bsize
	}
	return free, stat.Type == tmpfs || stat.Type == ramfs
}

// filesLimit returns how many descriptors the process may have.
func filesLimit() int64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return int64(limit.Cur)
}
