//go:build linux

package load

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"
)

// Linger opens so many connections, makes one request on each, and keeps them until
// leave is called. leave fails if the proxy has closed one of them before.
func Linger(ctx context.Context, t Target, number int) (leave func() error, err error) {
	c, err := connect(ctx, t, number)
	if err != nil {
		return nil, err
	}
	leave = func() error {
		defer c.close()
		gone, err := unix.EpollWait(c.epoll, make([]unix.EpollEvent, number), 0)
		if err != nil || gone > 0 {
			return fmt.Errorf("%d of %d idle callers were sent away: %w", gone, number, err)
		}
		return nil
	}
	return leave, nil
}
