package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// What a service manager is told, in the words of sd_notify(3).
const (
	managerReady     = daemon.SdNotifyReady
	managerStopping  = daemon.SdNotifyStopping
	managerReloading = daemon.SdNotifyReloading
)

// tellManager tells systemd, if that has started the process, how it is.
func (s *service) tellManager(state string) {
	if state == managerReloading {
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err == nil {
			state += fmt.Sprintf("\nMONOTONIC_USEC=%d", now.Nano()/int64(time.Microsecond))
		}
	}
	if err := notify(os.Getenv("NOTIFY_SOCKET"), state); err != nil {
		s.log.Warn("the service manager cannot be told how wxproxy is", "err", err)
	}
}

// managerPatience is how long a manager that does not listen is waited for, which
// package daemon would do for ever.
const managerPatience = time.Second

func notify(socket, state string) error {
	if socket == "" {
		return nil
	}
	conn, err := net.DialTimeout("unixgram", socket, managerPatience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(managerPatience)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return err
}

// watchdog tells systemd, if that wants to know, that the process still gets to do
// its work, until ctx ends.
func (s *service) watchdog(ctx context.Context) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return
	}
	tick := time.NewTicker(every / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.tellManager(daemon.SdNotifyWatchdog)
		}
	}
}
