//go:build race

package socket

import (
	"errors"
	"syscall"
)

// readNow reads from a socket without waiting. Only of package syscall's own calls does
// the race detector know that a read sees what was written before.
func readNow(fd uintptr, p []byte) (int, syscall.Errno) {
	return outcome(syscall.Read(int(fd), p))
}

// writeNow writes to a socket without waiting.
func writeNow(fd uintptr, p []byte) (int, syscall.Errno) {
	return outcome(syscall.Write(int(fd), p))
}

// writePiecesNow writes head and body to a socket, as far as it takes them without waiting.
func writePiecesNow(fd uintptr, head []byte, body pieces) (n int, errno syscall.Errno) {
	for _, piece := range append([][]byte{head, body.first}, body.more...) {
		written, errno := writeNow(fd, piece)
		n += written
		if errno == syscall.EAGAIN || errno == 0 && written < len(piece) {
			return n, 0
		}
		if errno != 0 {
			return 0, errno
		}
	}
	return n, 0
}

// peekNow looks for the next byte of a socket without waiting for it and without
// taking it.
func peekNow(fd uintptr, next *[1]byte) syscall.Errno {
	n, _, err := syscall.Recvfrom(int(fd), next[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	_, errno := outcome(n, err)
	return errno
}

func outcome(n int, err error) (int, syscall.Errno) {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return 0, errno
	}
	return n, 0
}
