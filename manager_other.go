//go:build !linux

package main

import "net"

// There is no systemd here.
const managerReady, managerStopping, managerReloading = "", "", ""

func (*service) tellManager(string) {}

func (*service) watchdog() (stop func()) { return func() {} }

func inherited() (callers, operators net.Listener, err error) { return nil, nil, nil }
