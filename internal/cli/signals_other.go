//go:build !unix

package cli

import (
	"os"
	"syscall"
)

// uselessSignals are those that would end the process although nobody means that.
func uselessSignals() []os.Signal { return []os.Signal{syscall.SIGPIPE} }
