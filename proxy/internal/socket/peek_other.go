//go:build !unix

package socket

import "net"

// CanPeek says that IsSilent does not see a connection that was closed: none is ever
// proven to be alive.
const CanPeek = false

// IsSilent cannot look into a connection here without reading from it: one that was
// closed while it was idle is found when the next request fails.
func IsSilent(net.Conn) bool { return true }

// HasUnread cannot look either.
func HasUnread(net.Conn) bool { return false }

// HasLeft cannot look either.
func HasLeft(net.Conn, bool) bool { return false }
