// Package limits tells how much of the machine the process may have.
package limits

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// Memory returns how much memory GOMEMLIMIT and the control groups let the process
// have; 0 if none of them limits it.
func Memory() int64 {
	limit := min(debug.SetMemoryLimit(-1), cgroupLimit(os.DirFS("/")))
	if limit == math.MaxInt64 {
		return 0
	}
	return limit
}

// unlimited is the least number that version 1 of control groups shows for no limit.
const unlimited = 1 << 62

// cgroupLimit returns the least limit of the control groups that the process is in,
// of either version, below root. A container sees its own group as the first one.
func cgroupLimit(root fs.FS) int64 {
	limit := int64(math.MaxInt64)
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return limit // this system has none
	}
	for line := range strings.Lines(string(groups)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		dir, file := "sys/fs/cgroup", "memory.max"
		switch controllers {
		case "":
		case "memory":
			dir, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for group = path.Clean("/" + group); ; group = path.Dir(group) {
			limit = min(limit, readLimit(root, path.Join(dir, group, file)))
			if group == "/" {
				break
			}
		}
	}
	return limit
}

func readLimit(root fs.FS, name string) int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return math.MaxInt64
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n <= 0 || n >= unlimited { // or "max"
		return math.MaxInt64
	}
	return n
}
