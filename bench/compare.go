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

// The loads that are compared: callers without a pause, and the load of a side-car.
const (
	manyCallers = 64
	sidecarRate = 2000 // requests per second
	quickRounds = 3
	fullRounds  = 7
	quickTime   = 2 * time.Second
	fullTime    = time.Second
	one, crowd  = 1, 512
	bodyCallers = 16
	kibi, mebi  = 1 << 10, 1 << 20
	huge        = 10 * mebi
)

// A comparison is a load that several proxies get, to be measured.
type comparison struct {
	title    string
	body     int // its length; 0: the standard one
	answer   int // the length of the answer's body; 0: the standard one
	test     test
	constant bool // the rate of requests is constant
}

// A contest says which proxies are measured, how often, before which upstream, and how.
type contest struct {
	peers    []*peer.Peer
	upstream *upstream.Server
	rounds   int
	list     []comparison
	adjust   func(*peer.Site) // nil: as usual
}

// quick measures only the comparisons that matter most, without HAProxy.
func (b *bench) quick(ctx context.Context, number int) error {
	_, err := b.compare(ctx, contest{peers: b.withoutHAProxy(), upstream: b.plain, rounds: number, list: b.essential("plain", quickTime)})
	return err
}

// essential returns the comparisons that matter most.
func (b *bench) essential(scheme string, long time.Duration) []comparison {
	return []comparison{
		{title: fmt.Sprintf("%s, saturated (%d callers)", scheme, manyCallers), test: b.saturate(load.Closed{Callers: manyCallers, Duration: long})},
		{title: fmt.Sprintf("%s, %d requests/s", scheme, sidecarRate), test: load.Constant{Rate: sidecarRate, Callers: manyCallers, Duration: long}.Run, constant: true},
	}
}

// alone returns the comparison of a single caller.
func (b *bench) alone(scheme string) comparison {
	return comparison{title: scheme + ", 1 caller", test: b.saturate(load.Closed{Callers: one, Duration: fullTime})}
}

// larger returns the comparisons with more callers and longer bodies.
func (b *bench) larger() []comparison {
	return []comparison{
		{title: fmt.Sprintf("plain, saturated (%d callers)", crowd), test: b.saturate(load.Closed{Callers: crowd, Duration: fullTime})},
		{title: "10 MiB bodies, 4 callers", body: huge, test: b.saturate(load.Closed{Callers: 4, Duration: fullTime})},
	}
}

// compare starts the proxies, measures and prints each comparison, and ends them.
func (b *bench) compare(ctx context.Context, c contest) (found []report.Comparison, err error) {
	site := b.site(c.upstream)
	if c.adjust != nil {
		c.adjust(&site)
	}
	all, stop, err := b.beginAll(ctx, c.peers, site, c.upstream)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, one := range c.list {
		for _, running := range all {
			running.target.Body = load.Body(max(one.body, postLength))
			running.target.Calls[0].Path = sendPath
			if one.answer > 0 {
				running.target.Calls[0].Path = upstream.LongPath(one.answer)
			}
		}
		series, err := b.rounds(ctx, c.rounds, each(all, one.test))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.title, err)
		}
		done := report.Comparison{Title: one.title, Series: series, Sampled: one.constant}
		if err := b.show(done.Table()); err != nil {
			return nil, err
		}
		found = append(found, done)
	}
	return found, nil
}

// beginAll starts proxies; stop ends them.
func (b *bench) beginAll(ctx context.Context, peers []*peer.Peer, site peer.Site, up *upstream.Server) (all []*contestant, stop func() error, err error) {
	stop = func() error {
		var errs []error
		for _, c := range all {
			errs = append(errs, c.Stop())
		}
		return errors.Join(errs...)
	}
	for _, p := range peers {
		c, err := begin(ctx, p, site, up)
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		all = append(all, c)
	}
	return all, stop, nil
}

// show prints a table as soon as it is complete.
func (b *bench) show(t report.Table) error {
	fmt.Fprintln(b.out)
	_, err := t.WriteTo(b.out)
	return err
}
