//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"wxproxy/bench/load"
	"wxproxy/bench/peer"
	"wxproxy/bench/report"
)

const (
	idleCallers = 10_000
	idleRounds  = 3
	idleTime    = 3 * time.Second // until memory is looked at
	coldStarts  = 15
)

// resting returns the memory of each proxy when nobody has called but those who
// check it, and with many callers who called once and stay.
func (b *bench) resting(ctx context.Context) (report.Table, error) {
	table := report.Table{{"memory, MiB RSS", "idle", fmt.Sprintf("with %d idle callers", idleCallers), "spread"}}
	for _, p := range b.contestants {
		var idle, crowded []float64
		for range idleRounds {
			before, after, err := b.crowd(ctx, p)
			if err != nil {
				return nil, fmt.Errorf("idle callers: %w", err)
			}
			idle, crowded = append(idle, before), append(crowded, after)
		}
		table = append(table, []string{p.Name, report.Middle(idle, 1), report.Middle(crowded, 1), report.Spread(crowded, 1)})
	}
	return table, b.show(table)
}

// crowd returns the memory of a new process before and after the callers came.
func (b *bench) crowd(ctx context.Context, p *peer.Peer) (before, after float64, err error) {
	c, err := begin(ctx, p, b.site(b.plain), b.plain)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	if before, err = c.memoryLater(); err != nil {
		return 0, 0, err
	}
	leave, err := load.Linger(ctx, c.target, idleCallers)
	if err != nil {
		return 0, 0, err
	}
	defer leave()
	after, err = c.memoryLater()
	return before, after, err
}

// memoryLater returns MiB, when the proxy has been left alone for a while.
func (c *contestant) memoryLater() (float64, error) {
	time.Sleep(idleTime)
	memory, err := c.Memory()
	return float64(memory) / mebi, err
}

// starting returns how long each proxy takes from the start of its process to the
// first answer of the upstream's; wxproxy has a token in its store.
func (b *bench) starting(ctx context.Context) (report.Table, error) {
	table := report.Table{{"cold start, ms", "median", "spread"}}
	for _, p := range b.contestants {
		site := b.site(b.plain)
		site.Store = b.dir + "/stored-" + p.Name
		c, err := begin(ctx, p, site, b.plain) // stores the token
		if err != nil {
			return nil, err
		}
		if err := c.Stop(); err != nil {
			return nil, err
		}
		fetched := b.plain.Counts().Fetches
		var took []float64
		for range coldStarts {
			one, err := b.coldStart(ctx, p, site)
			if err != nil {
				return nil, fmt.Errorf("cold start: %w", err)
			}
			took = append(took, float64(one)/float64(time.Millisecond))
		}
		if b.plain.Counts().Fetches > fetched {
			return nil, fmt.Errorf("cold start: %s fetched a token although one was stored", p.Name)
		}
		table = append(table, []string{p.Name, report.Middle(took, 1), report.Spread(took, 1)})
	}
	return table, b.show(table)
}

func (b *bench) coldStart(ctx context.Context, p *peer.Peer, s peer.Site) (took time.Duration, err error) {
	process, err := p.Start(s)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, process.Stop()) }()
	c := &contestant{Process: process, name: p.Name, target: standard(process.Addr), upstream: b.plain}
	err = process.Await(ctx, func() error {
		status, err := c.ask(ctx, c.target.Calls[0])
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		took = time.Since(process.Began)
		return err
	})
	return took, err
}
