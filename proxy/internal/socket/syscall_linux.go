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

// maxPieces is how many pieces go into one call: the head of a request, and a body that is
// as long as one in memory mostly is.
const maxPieces = 20

// writePiecesNow writes head and body to a socket, as far as one call does it without
// waiting.
func writePiecesNow(fd uintptr, head []byte, body pieces) (int, syscall.Errno) {
	var vector [maxPieces]syscall.Iovec
	vector[0], vector[1] = piece(head), piece(body.first)
	count := 2
	for _, more := range body.more[:min(len(body.more), maxPieces-count)] {
		vector[count] = piece(more)
		count++
	}
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&vector)), uintptr(count))
		if errno == 0 {
			return int(n), 0
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}

func piece(p []byte) (v syscall.Iovec) {
	v.Base = unsafe.SliceData(p)
	v.SetLen(len(p))
	return v
}

// peekNow looks for the next byte of a socket without waiting for it and without
// taking it.
func peekNow(fd uintptr, next *[1]byte) syscall.Errno {
	const flags = syscall.MSG_PEEK | syscall.MSG_DONTWAIT
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(next)), 1, flags, 0, 0)
	return errno
}
