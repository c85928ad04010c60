//go:build linux

package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit in which the kernel counts user and system time.
const tick = 10 * time.Millisecond

// Usage is the time of a processor that a process has used since its start, with all its
// threads, also those that have ended, and its child processes.
type Usage struct {
	CPU          time.Duration // to the nanosecond
	User, System time.Duration // in steps of 10 ms
}

// Since returns the time that was used between before and u.
func (u Usage) Since(before Usage) Usage {
	return Usage{CPU: u.CPU - before.CPU, User: u.User - before.User, System: u.System - before.System}
}

// pids returns the process and its children: nginx works in a child.
func (p *Process) pids() []int {
	pid := p.command.Process.Pid
	all := []int{pid}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		children, err := os.ReadFile(list)
		if err != nil {
			continue // that thread has ended
		}
		for _, child := range strings.Fields(string(children)) {
			if n, err := strconv.Atoi(child); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// Usage asks the kernel for the process's usage.
func (p *Process) Usage() (sum Usage, err error) {
	for _, pid := range p.pids() {
		cpu, err := cpuClock(pid)
		if err != nil {
			return sum, fmt.Errorf("reading the CPU time of %s: %w", p.Name, err)
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return sum, fmt.Errorf("reading the CPU time of %s: %w", p.Name, err)
		}
		user, system, err := parseStat(string(stat))
		if err != nil {
			return sum, fmt.Errorf("reading the CPU time of %s: %w", p.Name, err)
		}
		sum.CPU += cpu
		sum.User += user
		sum.System += system
	}
	return sum, nil
}

// cpuClock reads the clock that clock_getcpuclockid(3) returns for the process: the time
// of all its threads, by the scheduler's own count.
func cpuClock(pid int) (time.Duration, error) {
	const scheduler = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduler), &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}

// parseStat returns the times in a /proc/PID/stat.
func parseStat(stat string) (user, system time.Duration, err error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // the process's name before it may contain any byte
	const utime, stime = 11, 12
	if len(fields) <= stime {
		return 0, 0, fmt.Errorf("%d fields in stat", len(fields))
	}
	ticks := [2]int{}
	for i := range ticks {
		if ticks[i], err = strconv.Atoi(fields[utime+i]); err != nil {
			return 0, 0, err
		}
	}
	return time.Duration(ticks[0]) * tick, time.Duration(ticks[1]) * tick, nil
}

// Memory returns the resident set, in bytes, of the process; of nginx, that of
// the worker, which shares most of its master's.
func (p *Process) Memory() (most int64, err error) {
	for _, pid := range p.pids() {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, fmt.Errorf("reading the memory of %s: %w", p.Name, err)
		}
		resident, err := parseResident(string(status))
		if err != nil {
			return 0, fmt.Errorf("reading the memory of %s: %w", p.Name, err)
		}
		most = max(most, resident)
	}
	return most, nil
}

// parseResident returns VmRSS of a /proc/PID/status, in bytes.
func parseResident(status string) (int64, error) {
	_, after, found := strings.Cut(status, "\nVmRSS:")
	number, _, kibibytes := strings.Cut(after, " kB\n")
	if !found || !kibibytes {
		return 0, fmt.Errorf("no VmRSS in status")
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	return n << 10, err
}
