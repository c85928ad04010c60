//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"wxproxy/bench/load"
	"wxproxy/bench/peer"
	"wxproxy/bench/report"
	"wxproxy/bench/upstream"
)

// A contestant is a running proxy and what its callers want of it.
type contestant struct {
	*peer.Process
	name     string
	target   load.Target
	upstream *upstream.Server
}

// A test is one way to load a proxy. began is to be called when the requests that
// count are about to begin.
type test func(ctx context.Context, t load.Target, began func() error) (load.Result, error)

// warmTime is how long a proxy has the same load before what counts: connections
// to the upstream have ended while it was the others' turn.
const warmTime = time.Second

// saturate returns a test with as many requests as the proxy can take.
func (b *bench) saturate(l load.Closed) test {
	return func(ctx context.Context, t load.Target, began func() error) (load.Result, error) {
		dir, err := os.MkdirTemp(b.dir, "wrk-")
		if err != nil {
			return load.Result{}, fmt.Errorf("running wrk: %w", err)
		}
		defer os.RemoveAll(dir)
		warm := l
		warm.Duration = warmTime
		if _, err := warm.Run(ctx, t, dir); err != nil {
			return load.Result{}, err
		}
		if err := began(); err != nil {
			return load.Result{}, err
		}
		return l.Run(ctx, t, dir)
	}
}

// settle is how long a proxy is left alone before it is measured.
const settle = 200 * time.Millisecond

// measure runs the test once and counts what it costs the proxy. It fails if a
// request failed, or reached the upstream otherwise than it should.
func (c *contestant) measure(ctx context.Context, t test) (r report.Run, err error) {
	time.Sleep(settle)
	var before peer.Usage
	var seen upstream.Counts
	r.Result, err = t(ctx, c.target, func() error {
		seen = c.upstream.Counts()
		before, err = c.Usage()
		return err
	})
	if err != nil {
		return r, fmt.Errorf("measuring %s: %w", c.name, err)
	}
	after, err := c.Usage()
	if err != nil {
		return r, err
	}
	used, now := after.Since(before), c.upstream.Counts()
	r.CPU, r.User, r.System = used.CPU, used.User, used.System
	r.Dials = now.Connections - seen.Connections
	if r.Memory, err = c.Memory(); err != nil {
		return r, err
	}
	return r, c.judge(r, seen, now)
}

// judge fails unless all requests were answered well, by the upstream.
func (c *contestant) judge(r report.Run, before, after upstream.Counts) error {
	switch reached := after.Requests - before.Requests; {
	case r.Requests == 0:
		return fmt.Errorf("%s answered nothing", c.name)
	case r.Failed > 0:
		return fmt.Errorf("%d of %d requests to %s failed", r.Failed, r.Requests, c.name)
	case after.Wrong > before.Wrong:
		return fmt.Errorf("%s passed on %d requests without the token or with the caller's key", c.name, after.Wrong-before.Wrong)
	case reached < int64(r.Requests):
		return fmt.Errorf("%s answered %d requests, and the upstream saw %d", c.name, r.Requests, reached)
	}
	return nil
}

// A trial is a contestant under a load.
type trial struct {
	*contestant
	test test
}

// each returns a trial of every contestant with the same load.
func each(all []*contestant, t test) (trials []trial) {
	for _, c := range all {
		trials = append(trials, trial{c, t})
	}
	return trials
}

// rounds makes all trials in turn, as often as asked, beginning with another one
// each time.
func rounds(ctx context.Context, number int, trials []trial) ([]report.Series, error) {
	series := make([]report.Series, len(trials))
	for round := range number {
		for i := range trials {
			n := (round + i) % len(trials)
			run, err := trials[n].measure(ctx, trials[n].test)
			if err != nil {
				return nil, err
			}
			series[n].Name = trials[n].name
			series[n].Runs = append(series[n].Runs, run)
		}
	}
	return series, nil
}
