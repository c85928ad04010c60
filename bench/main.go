//go:build linux

// Command bench compares wxproxy with nginx and HAProxy, which are configured to add a
// token that never changes: `make bench`.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"wxproxy/bench/peer"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "CPU time only, without TLS, in less than a minute; writes no results")
	sizing := flags.Bool("sizing", false, "what operators plan for: memory, descriptors, disk, Redis, the log; with -quick in a minute, without results")
	binaries := flags.String("wxproxy", "", `programs to measure, "PATH" or "NAME=PATH ..."; without one it is built`)
	number := flags.Int("rounds", 0, "how often everything is measured, if not as usual")
	folder := flags.String("results", "bench", "where RESULTS.md and results.svg are written")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := onLoadCore(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b, err := newBench(ctx, *binaries, out)
	if err != nil {
		return err
	}
	defer b.close()
	switch {
	case *sizing && *quick:
		_, err = b.sizes(ctx, quickPlan)
	case *sizing:
		err = b.size(ctx, *folder)
	case *quick:
		err = b.quick(ctx, cmp.Or(*number, quickRounds))
	default:
		err = b.full(ctx, cmp.Or(*number, fullRounds), *folder)
	}
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("interrupted, %w", err)
	}
	return err
}

// onLoadCore starts this program again on the core of the load, together with all
// that it starts, unless it runs there already. Go's scheduler knows then that it has
// one core.
func onLoadCore() error {
	var cores unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cores); err != nil {
		return fmt.Errorf("asking for the cores: %w", err)
	}
	if cores.Count() == 1 && cores.IsSet(peer.LoadCore) {
		return nil
	}
	if !cores.IsSet(peer.ProxyCore) || !cores.IsSet(peer.LoadCore) {
		return fmt.Errorf("cores %d and %d are needed", peer.ProxyCore, peer.LoadCore)
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return fmt.Errorf("pinning: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("pinning: %w", err)
	}
	argv := append([]string{taskset, "-c", strconv.Itoa(peer.LoadCore), self}, os.Args[1:]...)
	return fmt.Errorf("pinning: %w", syscall.Exec(taskset, argv, os.Environ()))
}
