//go:build unix

package newconfig

import (
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// isTerminal reports whether somebody sits at the other end of a file.
func isTerminal(fd uintptr) bool {
	_, err := unix.IoctlGetTermios(int(fd), getTermios)
	return err == nil
}

// hide has a terminal not show what is typed, until the function that it returns is called.
// Ctrl-C and Ctrl-D go on meaning what they mean; Ctrl-Z does nothing, as it would leave the
// shell with such a terminal.
func hide(fd uintptr) (show func(), err error) {
	before, err := unix.IoctlGetTermios(int(fd), getTermios)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO | unix.ECHONL
	signal.Ignore(syscall.SIGTSTP)
	if err := unix.IoctlSetTermios(int(fd), setTermios, &hidden); err != nil {
		return nil, err
	}
	return func() {
		_ = unix.IoctlSetTermios(int(fd), setTermios, before)
		signal.Reset(syscall.SIGTSTP)
	}, nil
}
