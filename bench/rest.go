//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"wxproxy/bench/load"
	"wxproxy/bench/peer"
	"wxproxy/bench/report"
)

const (
	idleCallers = 10_000
	idleRounds  = 3
	idleTime    = 3 * time.Second // before memory is measured
	coldStarts  = 15
)

// resting returns the memory of each proxy when it has had no request but those of check,
// and with many idle connections that had one request each.
func (b *bench) resting(ctx context.Context) (idle, crowded *report.Figure, err error) {
	idle = &report.Figure{Title: "idle, MiB RSS"}
	crowded = &report.Figure{Title: fmt.Sprintf("with %d idle callers, MiB RSS", idleCallers)}
	for _, p := range b.contestants {
		var alone, with []float64
		for range idleRounds {
			before, after, err := b.crowd(ctx, p)
			if err != nil {
				return nil, nil, fmt.Errorf("idle callers: %w", err)
			}
			alone, with = append(alone, before), append(with, after)
		}
		idle.Add(p.Name, alone)
		crowded.Add(p.Name, with)
	}
	return idle, crowded, b.show(report.Tabulate(idle, crowded))
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
	after, err = c.memoryLater()
	return before, after, errors.Join(err, leave())
}

// memoryLater returns the memory in MiB after a while without requests.
func (c *contestant) memoryLater() (float64, error) {
	time.Sleep(idleTime)
	memory, err := c.Memory()
	return float64(memory) / mebi, err
}

// starting returns how long each proxy takes from the start of its process to the
// upstream's first answer; wxproxy has a token in its store.
func (b *bench) starting(ctx context.Context) (*report.Figure, error) {
	start := &report.Figure{Title: "cold start to the first answer, ms"}
	for _, p := range b.contestants {
		took, err := b.coldStarts(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("cold start: %w", err)
		}
		start.Add(p.Name, took)
	}
	return start, b.show(report.Tabulate(start))
}

func (b *bench) coldStarts(ctx context.Context, p *peer.Peer) (took []float64, err error) {
	site := b.site(b.plain)
	site.Store = filepath.Join(b.dir, "stored-"+p.Name)
	c, err := begin(ctx, p, site, b.plain) // after this, the token is stored
	if err != nil {
		return nil, err
	}
	if err := c.Stop(); err != nil {
		return nil, err
	}
	fetched := b.plain.Counts().Fetches
	for range coldStarts {
		one, err := b.coldStart(ctx, p, site)
		if err != nil {
			return nil, err
		}
		took = append(took, float64(one)/float64(time.Millisecond))
	}
	if b.plain.Counts().Fetches > fetched {
		return nil, fmt.Errorf("%s fetched a token although one was stored", p.Name)
	}
	return took, nil
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
