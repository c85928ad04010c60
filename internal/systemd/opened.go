package systemd

import "net"

// Opened are the listeners that systemd has opened for the process.
type Opened struct {
	Callers   []net.Listener
	Operators []net.Listener
	Pushes    []net.Listener // of WeChat's
}
