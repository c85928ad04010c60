//go:build !unix

package cli

import (
	"os"
	"syscall"
)

// ignoredSignals returns the signals that would end the process without meaning to.
func ignoredSignals() []os.Signal { return []os.Signal{syscall.SIGPIPE} }
