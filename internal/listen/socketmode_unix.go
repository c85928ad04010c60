//go:build unix

package listen

import "syscall"

// limitMode has a Unix socket made with no more than its mode, whatever the umask
// is. Linux takes that from the descriptor; other systems refuse, and go by the umask.
func limitMode(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), socketMode) })
}
