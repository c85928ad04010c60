// Package sockettest has servers for tests that speak in bytes, and so can say what
// no HTTP server and no Redis says.
package sockettest

import (
	"net"
	"testing"
)

// Serve calls serve for each connection to the address that it returns, at the same
// time, and closes the connection after it. It accepts none when the test has ended.
func Serve(t testing.TB, serve func(net.Conn)) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return ln.Addr().String()
}
