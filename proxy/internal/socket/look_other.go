//go:build !unix

package socket

import "net"

// canLook says that isSilent does not see a connection that was closed: none is
// ever proven to be alive.
const canLook = false

// isSilent cannot look into a connection here without reading from it; a
// connection that was closed while idle is found when the next request fails.
func isSilent(net.Conn) bool { return true }

// hasSpoken cannot look either.
func hasSpoken(net.Conn) bool { return false }

// hasLeft cannot look either.
func hasLeft(net.Conn, bool) bool { return false }
