//go:build linux

package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Descriptors returns how many files and connections the process has open.
func (p *Process) Descriptors() (int, error) {
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("counting the descriptors of %s: %w", p.Name, err)
	}
	return len(open), nil
}

// Nameless returns how many bytes of disk the process's files without a name take: bodies of
// requests lie in such files.
func (p *Process) Nameless() (bytes int64, err error) {
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("looking at the files of %s: %w", p.Name, err)
	}
	for _, link := range open {
		target, err := os.Readlink(link)
		if err != nil || !strings.HasSuffix(target, " (deleted)") {
			continue // it was closed meanwhile, or has a name
		}
		info, err := os.Stat(link)
		if err != nil {
			continue
		}
		const block = 512
		bytes += info.Sys().(*syscall.Stat_t).Blocks * block
	}
	return bytes, nil
}

// Logged returns how many bytes and lines the process has written so far.
func (p *Process) Logged() (bytes, lines int, err error) {
	log, err := os.ReadFile(p.log)
	if err != nil {
		return 0, 0, fmt.Errorf("reading the log of %s: %w", p.Name, err)
	}
	return len(log), strings.Count(string(log), "\n"), nil
}
