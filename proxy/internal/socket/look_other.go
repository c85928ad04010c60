//go:build !unix

package socket

import "net"

// CanLook says that IsSilent does not see a connection that was closed: none is
// ever proven to be alive.
const CanLook = false

// IsSilent cannot look into a connection here without reading from it; a
// connection that was closed while idle is found when the next request fails.
func IsSilent(net.Conn) bool { return true }

// HasSpoken cannot look either.
func HasSpoken(net.Conn) bool { return false }

// HasLeft cannot look either.
func HasLeft(net.Conn, bool) bool { return false }
