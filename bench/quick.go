//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wxproxy/bench/load"
	"wxproxy/bench/peer"
	"wxproxy/bench/report"
	"wxproxy/bench/upstream"
)

// Loads that are compared: 64 callers who never rest, and a side-car's 2,000
// requests in a second.
const (
	callers  = 64
	sidecar  = 2000
	warmTime = time.Second
)

// quick measures what matters most, without HAProxy.
func (b *bench) quick(ctx context.Context) error {
	without := append([]*peer.Peer{b.contestants[0]}, b.contestants[2:]...)
	all, stop, err := b.beginAll(ctx, without, b.plain)
	if err != nil {
		return err
	}
	found, err := b.compare(ctx, all, effort{rounds: 3, each: 2 * time.Second, title: "plain"})
	if err == nil {
		err = b.print(found)
	}
	return errors.Join(err, stop())
}

// An effort is how long and how often things are measured.
type effort struct {
	rounds int
	each   time.Duration
	title  string
}

// beginAll starts proxies; stop ends them.
func (b *bench) beginAll(ctx context.Context, peers []*peer.Peer, up *upstream.Server) (all []*contestant, stop func() error, err error) {
	stop = func() error {
		var errs []error
		for _, c := range all {
			errs = append(errs, c.Stop())
		}
		return errors.Join(errs...)
	}
	for _, p := range peers {
		c, err := b.begin(ctx, p, up)
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		all = append(all, c)
	}
	return all, stop, nil
}

// compare measures at saturation and at the side-car's rate.
func (b *bench) compare(ctx context.Context, all []*contestant, e effort) ([]report.Comparison, error) {
	// Nobody is measured while pools fill up.
	if _, err := rounds(ctx, 1, all, b.saturate(load.Closed{Callers: callers, Duration: warmTime})); err != nil {
		return nil, err
	}
	saturated, err := rounds(ctx, e.rounds, all, b.saturate(load.Closed{Callers: callers, Duration: e.each}))
	if err != nil {
		return nil, err
	}
	constant, err := rounds(ctx, e.rounds, all, load.Constant{Rate: sidecar, Callers: callers, Duration: e.each}.Run)
	return []report.Comparison{
		{Title: fmt.Sprintf("%s, %d callers", e.title, callers), Series: saturated},
		{Title: fmt.Sprintf("%s, %d requests/s", e.title, sidecar), Series: constant},
	}, err
}

func (b *bench) print(all []report.Comparison) error {
	for _, c := range all {
		fmt.Fprintln(b.out)
		if _, err := c.Table().WriteTo(b.out); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) full(ctx context.Context) error { return b.quick(ctx) }
