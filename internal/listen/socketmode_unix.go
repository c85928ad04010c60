//go:build unix

package listen

import "syscall"

// limitMode has a Unix socket created with no more rights than socketMode, whatever the
// umask is. Linux takes the mode from the descriptor. Other systems refuse the call, and
// the umask decides there.
func limitMode(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), socketMode) })
}
