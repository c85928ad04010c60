package limits

import (
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestMemoryLimitIsTheLeastOfTheControlGroups(t *testing.T) {
	t.Parallel()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	const none = math.MaxInt64
	rows := map[string]struct {
		files fstest.MapFS
		want  int64
	}{
		"no control groups": {fstest.MapFS{}, none},
		"a container's own": {fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("268435456\n")}, 268435456},
		"a container that sees the host's path": {fstest.MapFS{"proc/self/cgroup": file("0::/docker/0123\n"),
			"sys/fs/cgroup/memory.max": file("1000\n")}, 1000},
		"a unit of systemd": {fstest.MapFS{"proc/self/cgroup": file("0::/system.slice/wxproxy.service\n"),
			"sys/fs/cgroup/system.slice/wxproxy.service/memory.max": file("134217728\n"), "sys/fs/cgroup/system.slice/memory.max": file("max\n")}, 134217728},
		"a slice above the unit": {fstest.MapFS{"proc/self/cgroup": file("0::/a.slice/b.service\n"),
			"sys/fs/cgroup/a.slice/b.service/memory.max": file("max\n"), "sys/fs/cgroup/a.slice/memory.max": file("5000\n")}, 5000},
		"no limit": {fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("max\n")}, none},
		"version 1": {fstest.MapFS{"proc/self/cgroup": file("5:cpu,cpuacct:/x\n4:memory:/x\n0::/x\n"),
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": file("4096\n")}, 4096},
		"version 1 without a limit": {fstest.MapFS{"proc/self/cgroup": file("4:memory:/\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n")}, none},
		"nonsense": {fstest.MapFS{"proc/self/cgroup": file("x\n\n::\n0::../..\n"), "sys/fs/cgroup/memory.max": file("-1\n")}, none},
	}
	for name, row := range rows {
		if got := cgroupLimit(row.files); got != row.want {
			t.Errorf("%s: got %d; want %d", name, got, row.want)
		}
	}
}

func TestMemoryLimitHeedsGOMEMLIMIT(t *testing.T) {
	before := debug.SetMemoryLimit(1 << 30)
	defer debug.SetMemoryLimit(before)
	if got := Memory(); got <= 0 || got > 1<<30 {
		t.Errorf("got %d; want at most %d", got, 1<<30)
	}
}
