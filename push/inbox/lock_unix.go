//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package inbox

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks a file until it is closed, or returns errLocked at once, or why the disk
// has no locks.
func lockFile(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errLocked
		}
		return err
	}
}
