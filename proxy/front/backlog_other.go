//go:build !unix

package front

import (
	"net"
	"syscall"
)

// takeBacklog cannot look into the kernel's queue here: connections that wait in it when
// the listener closes are cut.
func takeBacklog(syscall.Conn) []net.Conn { return nil }
