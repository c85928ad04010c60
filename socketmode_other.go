//go:build !unix

package main

import "syscall"

// limitMode has nothing to limit here: sockets have no mode.
func limitMode(string, string, syscall.RawConn) error { return nil }
