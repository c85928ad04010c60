//go:build unix

package listen

import "syscall"

// limitMode has a Unix socket made with no more rights than socketMode, whatever the
// umask is. Linux takes the mode from the descriptor; other systems refuse, and go by
// the umask.
func limitMode(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), socketMode) })
}
