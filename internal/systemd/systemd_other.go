//go:build !linux

// Package systemd talks with the service manager, if that has started the process.
package systemd

import "context"

// Ready, Stopping and Reloading are of no use here: there is no systemd.
const Ready, Stopping, Reloading = "", "", ""

// Tell does nothing here.
func Tell(string) error { return nil }

// Watch does nothing here.
func Watch(context.Context, func(state string)) {}

// Sockets returns none here.
func Sockets() (Opened, error) { return Opened{}, nil }
