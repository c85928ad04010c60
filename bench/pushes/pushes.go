//go:build linux

// Command pushes measures how many of WeChat's pushes wxproxy takes on one core, beside a
// receiver that does only the crypto: `make bench-pushes`.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"wxproxy/bench/peer"
	"wxproxy/bench/report"
)

// goal is how many pushes a second wxproxy is to take on one core.
const goal = 5000

func main() {
	var err error
	if len(os.Args) == 3 && os.Args[1] == "receive" {
		err = receive(os.Args[2])
	} else {
		err = run(os.Args[1:], os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "pushes: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("pushes", flag.ContinueOnError)
	binaries := flags.String("wxproxy", "", `programs to measure, "PATH" or "NAME=PATH ..."; without one it is built`)
	rounds := flags.Int("rounds", 7, "how often everything is measured")
	results := flags.String("results", "", "the file that gets the results")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var cores unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cores); err != nil || cores.Count() != 1 || !cores.IsSet(peer.LoadCore) {
		return fmt.Errorf("run it with taskset -c %d, as make bench-pushes does", peer.LoadCore)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "wxproxy-pushes-")
	if err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	defer os.RemoveAll(dir)
	if *binaries == "" {
		*binaries = filepath.Join(dir, "wxproxy")
		if said, err := exec.CommandContext(ctx, "go", "build", "-o", *binaries, ".").CombinedOutput(); err != nil {
			return fmt.Errorf("building wxproxy: %w: %s", err, said)
		}
	}
	found, err := measure(ctx, strings.Fields(*binaries), dir, *rounds)
	if err != nil {
		return err
	}
	page := describe(found, *rounds)
	if _, err := out.Write(page); err != nil || *results == "" {
		return err
	}
	return os.WriteFile(*results, page, 0o644)
}

// measure compares each wxproxy with the hand-written receiver, which comes first.
func measure(ctx context.Context, binaries []string, dir string, rounds int) (found report.Comparison, err error) {
	p, err := startProgram()
	if err != nil {
		return found, err
	}
	defer p.Close()
	all := []*contestant{{peer: byHand()}}
	for _, binary := range binaries {
		name, path, hasName := strings.Cut(binary, "=")
		if !hasName {
			name, path = "wxproxy", binary
		}
		if path, err = filepath.Abs(path); err != nil {
			return found, err
		}
		all = append(all, &contestant{peer: wxproxy(name, path, p.Addr().String())})
	}
	return contend(ctx, all, dir, rounds)
}

// contend measures all in turn, another one first each time.
func contend(ctx context.Context, all []*contestant, dir string, rounds int) (found report.Comparison, err error) {
	defer func() {
		for _, c := range all {
			if c.process != nil {
				err = errors.Join(err, c.process.Stop())
			}
		}
	}()
	found.Title = fmt.Sprintf("pushes, AES, %d connections", connections)
	for _, c := range all {
		if err := c.start(ctx, dir); err != nil {
			return found, err
		}
		found.Series = append(found.Series, report.Series{Name: c.peer.Name})
	}
	for round := range rounds {
		for i := range all {
			n := (round + i) % len(all)
			run, err := all[n].calmest(ctx)
			if err != nil {
				return found, fmt.Errorf("measuring %s: %w", all[n].peer.Name, err)
			}
			found.Series[n].Runs = append(found.Series[n].Runs, run)
		}
	}
	return found, nil
}

// describe returns the page with what was found.
func describe(found report.Comparison, rounds int) []byte {
	var page bytes.Buffer
	revision, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		revision = []byte("unknown")
	}
	fmt.Fprintf(&page, `# What a push costs

`+"`make bench-pushes`"+` wrote this page: medians of %d rounds, %s, commit %s.

Text messages in safe mode, each another one, over connections that are kept alive. Each program has core %d to itself; the load, and the
program that wxproxy forwards to and that answers at once, share core %d. "By hand" is a receiver of package net/http that does only the
crypto: it verifies, decrypts, looks whose the push is, and answers. wxproxy does that, looks for repetitions, signs, forwards, reads the
answer and counts. What others disturbed by more than 10 %% was measured again, twice at most.

`, rounds, time.Now().UTC().Format("2006-01-02 15:04 MST"), strings.TrimSpace(string(revision)), peer.ProxyCore, peer.LoadCore)
	found.Table().WriteTo(&page) //nolint:errcheck // a bytes.Buffer takes everything
	last := found.Series[len(found.Series)-1]
	alone, word := 1e6/last.Median(report.CostOf), "reached"
	if alone < goal {
		word = "missed"
	}
	fmt.Fprintf(&page, "\nThe mark is %d pushes a second on one core: %.0f by CPU time, %s.\n", goal, alone, word)
	return page.Bytes()
}
