//go:build !unix

package front

import (
	"net"
	"syscall"
)

// takeBacklog cannot look into the kernel's queue here: who waits in it when
// the listener closes is cut.
func takeBacklog(syscall.Conn) []net.Conn { return nil }
