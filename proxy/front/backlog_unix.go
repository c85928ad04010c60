//go:build unix

package front

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// takeBacklog returns the connections that wait in the kernel's queue and then at once
// has the kernel refuse later ones: closing the listener later would cut those that came
// in between (docs/decisions/0014).
func takeBacklog(l syscall.Conn) []net.Conn {
	raw, err := l.SyscallConn()
	if err != nil {
		return nil // it is closed already
	}
	var waiting []int
	_ = raw.Control(func(listener uintptr) {
		dropSYNs(listener)
		for {
			fd, _, err := syscall.Accept(int(listener))
			if errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.ECONNABORTED) {
				continue
			}
			if err != nil {
				break
			}
			waiting = append(waiting, fd)
		}
		_ = syscall.Shutdown(int(listener), syscall.SHUT_RD)
	})
	var callers []net.Conn
	for _, fd := range waiting {
		syscall.CloseOnExec(fd)
		file := os.NewFile(uintptr(fd), "")
		if c, err := net.FileConn(file); err == nil {
			callers = append(callers, c)
		}
		file.Close()
	}
	return callers
}
