// Package systemd talks with the service manager, if that has started the process.
package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// States of the process, in the words of sd_notify(3).
const (
	Ready     = daemon.SdNotifyReady
	Stopping  = daemon.SdNotifyStopping
	Reloading = daemon.SdNotifyReloading
)

// Tell sends systemd a state, if systemd has started the process.
func Tell(state string) error {
	if state == Reloading {
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err == nil {
			state += fmt.Sprintf("\nMONOTONIC_USEC=%d", now.Nano()/int64(time.Microsecond))
		}
	}
	return notify(os.Getenv("NOTIFY_SOCKET"), state)
}

// patience is how long Tell waits for a manager that does not listen. Package daemon
// would wait for ever.
const patience = time.Second

func notify(socket, state string) error {
	if socket == "" {
		return nil
	}
	conn, err := net.DialTimeout("unixgram", socket, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return err
}

// Watch calls tell again and again until ctx ends, if systemd has a watchdog for the
// process.
func Watch(ctx context.Context, tell func(state string)) {
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
			tell(daemon.SdNotifyWatchdog)
		}
	}
}
