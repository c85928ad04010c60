//go:build linux

package peer

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// IdleTime returns how long a core was idle since the machine started, in steps of 10 ms.
func IdleTime(core int) (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("reading the time of core %d: %w", core, err)
	}
	idle, err := parseIdle(string(stat), core)
	if err != nil {
		return 0, fmt.Errorf("reading the time of core %d: %w", core, err)
	}
	return idle, nil
}

// parseIdle returns the idle time of a core in a /proc/stat. The time in which it waited
// for a disk is part of that.
func parseIdle(stat string, core int) (time.Duration, error) {
	_, line, found := strings.Cut(stat, fmt.Sprintf("\ncpu%d ", core))
	line, _, _ = strings.Cut(line, "\n")
	fields := strings.Fields(line)
	const idle, iowait = 3, 4
	if !found || len(fields) <= iowait {
		return 0, fmt.Errorf("no idle time of core %d", core)
	}
	ticks := 0
	for _, field := range fields[idle : iowait+1] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
