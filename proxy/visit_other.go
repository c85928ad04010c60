//go:build !linux

package proxy

import "net"

// takeDirectly serves nobody: fasthttp's server does.
func (f *front) takeDirectly(*callerConn) bool { return false }

func (f *front) serveDirectly(*callerConn) {}

// A seat is on Linux only.
type seat struct {
	net.Conn
	caller   *callerConn
	raw      rawAnswer
	exchange *exchange
}
