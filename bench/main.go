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
	"os/signal"
	"syscall"
)

func main() {
	yes, code, err := inSession()
	if yes {
		err = run(os.Args[1:], os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		code = 1
	}
	os.Exit(code)
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "CPU time only, without TLS, in less than a minute; writes no results")
	only := flags.String("only", "", "a part of the whole: "+partNames()+"; writes no results, with -quick fewer rounds")
	sizing := flags.Bool("sizing", false, "what operators plan for: memory, descriptors, disk, Redis, the log; with -quick in a minute, without results")
	binaries := flags.String("wxproxy", "", `programs to measure, "PATH" or "NAME=PATH ..."; without one it is built`)
	number := flags.Int("rounds", 0, "how often everything is measured, if not as usual")
	folder := flags.String("results", "bench", "where RESULTS.md and results.svg are written")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b, err := newBench(ctx, *binaries, out)
	if err != nil {
		return err
	}
	defer b.close()
	rounds := fullRounds
	if *quick {
		rounds = quickRounds
	}
	switch rounds = cmp.Or(*number, rounds); {
	case *sizing && *quick:
		_, err = b.sizes(ctx, quickPlan)
	case *sizing:
		err = b.size(ctx, *folder)
	case *only != "":
		err = b.part(ctx, rounds, *only)
	case *quick:
		err = b.quick(ctx, rounds)
	default:
		err = b.full(ctx, rounds, *folder)
	}
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("interrupted, %w", err)
	}
	return err
}
