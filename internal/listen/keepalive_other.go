//go:build !linux

package listen

import "net"

// inheritKeepAlive leaves keep-alive probes to package net: what connections inherit is not
// the same everywhere.
func inheritKeepAlive(*net.ListenConfig) {}
