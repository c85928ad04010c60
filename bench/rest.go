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
	idleCallers  = 10_000
	idleRounds   = 2
	manyAccounts = 10_000
	idleTime     = 3 * time.Second // before memory is measured
	coldStarts   = 15
)

// resting finds the memory of each proxy when it has had no request but those of check,
// with many idle connections that had one request each, and when those have left.
func (b *bench) resting(ctx context.Context, f *findings) error {
	f.idle = &report.Figure{Title: "idle, MiB RSS"}
	f.crowded = &report.Figure{Title: fmt.Sprintf("with %d idle callers, MiB RSS", idleCallers)}
	f.left = &report.Figure{Title: fmt.Sprintf("%v after they left, MiB RSS", idleTime)}
	for _, p := range b.contestants {
		var alone, with, without []float64
		for range idleRounds {
			m, err := b.crowd(ctx, p)
			if err != nil {
				return fmt.Errorf("idle callers: %w", err)
			}
			alone, with, without = append(alone, m[0]), append(with, m[1]), append(without, m[2])
		}
		f.idle.Add(p.Name, alone)
		f.crowded.Add(p.Name, with)
		f.left.Add(p.Name, without)
	}
	return b.show(report.Tabulate(f.idle, f.crowded, f.left))
}

// crowd returns the memory of a new process before the callers came, while they are there,
// and after they left.
func (b *bench) crowd(ctx context.Context, p *peer.Peer) (m [3]float64, err error) {
	c, err := begin(ctx, p, b.site(b.plain), b.plain)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	if m[0], err = c.memoryLater(); err != nil {
		return m, err
	}
	leave, err := load.Linger(ctx, c.target, idleCallers)
	if err != nil {
		return m, err
	}
	m[1], err = c.memoryLater()
	if err := errors.Join(err, leave()); err != nil {
		return m, err
	}
	m[2], err = c.memoryLater()
	return m, err
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
