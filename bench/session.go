//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"wxproxy/bench/peer"
)

// priority is the nice value that the session of a measurement gets.
const priority = -10

// inSession reports whether this program runs on the core of the load, in a session of its
// own. If not, it starts itself again that way, together with all that it starts, waits for
// the end, and returns the exit code. Go's scheduler knows then that it has one core.
func inSession() (yes bool, code int, err error) {
	var cores unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cores); err != nil {
		return false, 0, fmt.Errorf("asking for the cores: %w", err)
	}
	session, err := unix.Getsid(0)
	if err != nil {
		return false, 0, fmt.Errorf("asking for the session: %w", err)
	}
	if session == os.Getpid() && cores.Count() == 1 && cores.IsSet(peer.LoadCore) {
		return true, 0, nil
	}
	if !cores.IsSet(peer.ProxyCore) || !cores.IsSet(peer.LoadCore) {
		return false, 0, fmt.Errorf("cores %d and %d are needed", peer.ProxyCore, peer.LoadCore)
	}
	code, err = again()
	return false, code, err
}

// again runs this program in a new session on the core of the load, and passes on what asks
// it to end: the keys of a terminal reach its own session alone.
func again() (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("pinning: %w", err)
	}
	runtime.LockOSThread() // the session ends with this thread
	command := exec.Command("taskset", append([]string{"-c", strconv.Itoa(peer.LoadCore), self}, os.Args[1:]...)...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := command.Start(); err != nil {
		return 0, fmt.Errorf("pinning: %w", err)
	}
	go func() {
		for range signals {
			command.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		}
	}()
	var ended *exec.ExitError
	if err := command.Wait(); err != nil && !errors.As(err, &ended) {
		return 0, fmt.Errorf("pinning: %w", err)
	}
	return command.ProcessState.ExitCode(), nil
}

// preferred returns a sentence about how this session stands beside others, after it has
// raised its priority, if it may. Where the kernel groups processes by session, the groups
// share the machine, and nice has no say outside its own.
func preferred() string {
	grouped, err := os.ReadFile("/proc/sys/kernel/sched_autogroup_enabled")
	if err != nil || strings.TrimSpace(string(grouped)) != "1" {
		return "The kernel does not group processes by session: `nice` decides beside others."
	}
	if err := os.WriteFile("/proc/self/autogroup", []byte(strconv.Itoa(priority)), 0); err != nil {
		return "The kernel groups processes by session; this one had no right to more than others (/proc/PID/autogroup)."
	}
	return fmt.Sprintf("The kernel groups processes by session; the one that measured had nice %d (/proc/PID/autogroup).", priority)
}
