//go:build unix

package cli

import (
	"os"
	"syscall"
)

// ignoredSignals returns the signals that would end the process without meaning to:
// SIGPIPE when the reader of the log has ended, SIGUSR1 and SIGUSR2 when logs are
// rotated.
func ignoredSignals() []os.Signal {
	return []os.Signal{syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2}
}
