//go:build unix

package accept

import (
	"errors"
	"syscall"
)

// shedAtOnce is how many connections are closed before the next pause.
const shedAtOnce = 1024

// shed closes the connections that wait to be accepted, one after the other by means of
// the spare descriptor, and returns how many they were.
func (l *Listener) shed() (n int) {
	if l.spare == nil {
		l.reserve()
		return 0
	}
	raw, err := l.SyscallConn()
	if err != nil {
		return 0
	}
	l.spare.Close()
	l.spare = nil
	defer l.reserve()
	_ = raw.Control(func(listener uintptr) {
		for n < shedAtOnce {
			c, _, err := syscall.Accept(int(listener))
			if errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.ECONNABORTED) {
				continue
			}
			if err != nil {
				return
			}
			syscall.Close(c)
			n++
		}
	})
	return n
}
