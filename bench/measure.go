//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"wxproxy/bench/load"
	"wxproxy/bench/peer"
	"wxproxy/bench/report"
	"wxproxy/bench/upstream"
)

// A contestant is a running proxy and the requests that its callers send.
type contestant struct {
	*peer.Process
	name       string
	target     load.Target
	upstream   *upstream.Server
	transport  http.RoundTripper // of ask; nil: as usual
	readyAfter time.Duration     // from the start of its process until it passed check
}

// A test is one way to load a proxy. It calls began right before the requests that are
// measured.
type test func(ctx context.Context, t load.Target, began func() error) (load.Result, error)

// warmTime is how long a proxy has the same load before it is measured: its connections
// to the upstream have ended while other proxies were measured.
const warmTime = time.Second

// saturate returns a test with as many requests as the proxy can answer.
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

// settle is how long a proxy gets no request before it is measured.
const settle = 200 * time.Millisecond

// A count is what the kernel and the upstream have counted at one moment.
type count struct {
	at   time.Time
	used peer.Usage
	idle time.Duration // how long the proxies' core was idle
	rest time.Duration // how long the core of the load was
	seen upstream.Counts
}

func (c *contestant) count() (now count, err error) {
	if now.used, err = c.Usage(); err != nil {
		return now, err
	}
	if now.idle, err = peer.IdleTime(peer.ProxyCore); err != nil {
		return now, err
	}
	if now.rest, err = peer.IdleTime(peer.LoadCore); err != nil {
		return now, err
	}
	now.at, now.seen = time.Now(), c.upstream.Counts()
	return now, nil
}

// measure runs the test once and returns what it costs the proxy. It fails if a
// request failed, or reached the upstream in another form than it should.
func (c *contestant) measure(ctx context.Context, t test) (r report.Run, err error) {
	time.Sleep(settle)
	var before count
	r.Result, err = t(ctx, c.target, func() (err error) {
		before, err = c.count()
		return err
	})
	if err != nil {
		return r, fmt.Errorf("measuring %s: %w", c.name, err)
	}
	after, err := c.count()
	if err != nil {
		return r, err
	}
	used := after.used.Since(before.used)
	r.CPU, r.User, r.System = used.CPU, used.User, used.System
	elapsed := after.at.Sub(before.at)
	r.Others = max(0, float64(elapsed-(after.idle-before.idle)-used.CPU)/float64(elapsed))
	r.Load = min(1, max(0, 1-float64(after.rest-before.rest)/float64(elapsed)))
	r.Dials = after.seen.Connections - before.seen.Connections
	if r.Memory, err = c.Memory(); err != nil {
		return r, err
	}
	return r, c.judge(r, before.seen, after.seen)
}

// judge fails unless all requests were answered with success, by the upstream.
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

// calm is the share of the proxies' core that other processes may use while a proxy is
// measured.
const calm = 0.10

// calmest measures again, up to so many times, while other processes disturb, and returns
// the run that was disturbed least.
func (t trial) calmest(ctx context.Context, more int) (best report.Run, err error) {
	for i := range 1 + more {
		run, err := t.measure(ctx, t.test)
		if err != nil {
			return run, err
		}
		if i == 0 || run.Others < best.Others {
			best = run
		}
		if best.Others <= calm {
			break
		}
	}
	return best, nil
}

// rounds makes all trials in turn, so many times, and begins with another trial each
// time.
func (b *bench) rounds(ctx context.Context, number int, trials []trial) ([]report.Series, error) {
	series := make([]report.Series, len(trials))
	for round := range number {
		for i := range trials {
			n := (round + i) % len(trials)
			run, err := trials[n].calmest(ctx, b.repeats)
			if err != nil {
				return nil, err
			}
			series[n].Name = trials[n].name
			series[n].Runs = append(series[n].Runs, run)
		}
	}
	return series, nil
}
