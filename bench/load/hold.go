//go:build linux

package load

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Hold opens so many connections and sends a request on each but for its last byte, as
// slow uploads do, until leave is called.
func Hold(ctx context.Context, t Target, number int) (leave func() error, err error) {
	var all []net.Conn
	leave = func() error {
		var errs []error
		for _, conn := range all {
			errs = append(errs, conn.Close())
		}
		return errors.Join(errs...)
	}
	for n := range number {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", t.Addr)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connecting upload %d: %w", n, err), leave())
		}
		all = append(all, conn)
		request := t.Calls[n%len(t.Calls)].bytes(t.Addr, t.Body)
		if _, err := conn.Write(request[:len(request)-1]); err != nil {
			return nil, errors.Join(fmt.Errorf("sending upload %d: %w", n, err), leave())
		}
	}
	return leave, nil
}
