//go:build !linux

// Package systemd talks with the service manager that has started the process, if one has.
package systemd

import (
	"context"
	"net"
)

// Ready, Stopping and Reloading are not said here: there is no systemd.
const Ready, Stopping, Reloading = "", "", ""

// Tell has nobody to tell here.
func Tell(string) error { return nil }

// Watch has nobody to tell here.
func Watch(context.Context, func(state string)) {}

// Sockets returns none here.
func Sockets() (callers, operators []net.Listener, err error) { return nil, nil, nil }
