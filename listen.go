package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"wxproxy/config"
)

// listenOn listens on "host:port" or "unix:/path". A socket that a process left
// behind is replaced; one that still answers is not.
func listenOn(listen string) (net.Listener, error) {
	network, address := config.ListenOn(listen)
	if network != "unix" {
		var tcp net.ListenConfig
		tcp.SetMultipathTCP(false) // the kernel has no packet filters for such listeners, which draining needs
		return tcp.Listen(context.Background(), network, address)
	}
	if c, err := net.Dial("unix", address); err == nil {
		c.Close()
		return nil, errors.New("another process listens there")
	}
	if info, err := os.Stat(address); err == nil && info.Mode()&os.ModeSocket != 0 {
		if err := os.Remove(address); err != nil {
			return nil, fmt.Errorf("removing a socket that nobody uses: %w", err)
		}
	}
	ln, err := net.Listen("unix", address)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(address, 0o660); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}
