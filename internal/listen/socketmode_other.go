//go:build !unix

package listen

import "syscall"

// limitMode has nothing to limit here: sockets have no mode.
func limitMode(string, string, syscall.RawConn) error { return nil }
