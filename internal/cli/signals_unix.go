//go:build unix

package cli

import (
	"os"
	"syscall"
)

// uselessSignals are those that would end the process although nobody means that:
// who reads the log may end before the proxy does, and what rotates logs tells
// others so with SIGUSR1 or SIGUSR2.
func uselessSignals() []os.Signal {
	return []os.Signal{syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2}
}
