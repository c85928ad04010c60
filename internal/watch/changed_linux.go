package watch

import (
	"io/fs"
	"syscall"
)

// changedAt returns when something about a file changed last: other than the time of
// its content, nobody can set that back, and a new owner or mode counts.
func changedAt(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ctim.Nano()
	}
	return 0
}
