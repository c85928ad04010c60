//go:build !race

package socket

import (
	"syscall"
	"unsafe"
)

// readNow reads from a socket without waiting.
func readNow(fd uintptr, p []byte) (int, syscall.Errno) { return moveNow(syscall.SYS_RECVFROM, fd, p) }

// writeNow writes to a socket without waiting.
func writeNow(fd uintptr, p []byte) (int, syscall.Errno) { return moveNow(syscall.SYS_SENDTO, fd, p) }

// moveNow makes one of the calls that only sockets have: on the way of read and write,
// which files have too, the kernel looks at more.
func moveNow(call, fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}

// peekNow looks for the next byte of a socket without waiting for it and without
// taking it.
func peekNow(fd uintptr, next *[1]byte) syscall.Errno {
	const flags = syscall.MSG_PEEK | syscall.MSG_DONTWAIT
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(next)), 1, flags, 0, 0)
	return errno
}
