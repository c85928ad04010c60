//go:build !linux

package main

import (
	"context"
	"net"
)

// There is no systemd here.
const managerReady, managerStopping, managerReloading = "", "", ""

func (*service) tellManager(string) {}

func (*service) watchdog(context.Context) {}

func inherited() (callers, operators []net.Listener, err error) { return nil, nil, nil }
