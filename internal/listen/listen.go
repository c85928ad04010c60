// Package listen opens the listeners that settings name.
package listen

import (
	"context"
	"net"

	"wxproxy/config"
)

// On listens on "host:port" or "unix:/path".
func On(setting string) (net.Listener, error) {
	network, address := config.ListenOn(setting)
	if network == "unix" {
		return listenOnSocket(address)
	}
	var tcp net.ListenConfig
	tcp.SetMultipathTCP(false) // the kernel has no packet filters for such listeners, which draining needs
	inheritKeepAlive(&tcp)
	return tcp.Listen(context.Background(), network, address)
}
