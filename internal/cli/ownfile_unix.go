//go:build unix

package cli

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// openHere opens the file at path. It follows no link and waits for no writer of a
// FIFO.
func openHere(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// isOurs reports whether this user or root owns a file.
func isOurs(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && (owner.Uid == 0 || int(owner.Uid) == os.Geteuid())
}

// lives reports whether there is a process with this number, of whatever user.
func lives(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
