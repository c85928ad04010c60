// Package sockettest has a server for tests that answers byte by byte, and so can send
// what no HTTP server and no Redis sends.
package sockettest

import (
	"net"
	"testing"
)

// Serve listens until the test has ended, and returns its address. It calls serve in a
// goroutine for each connection, and closes the connection when serve returns.
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
