//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// openHere opens the file at path itself, and waits for nobody.
func openHere(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// isOurs reports whether this user or root owns a file.
func isOurs(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && (owner.Uid == 0 || int(owner.Uid) == os.Geteuid())
}
