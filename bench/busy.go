//go:build linux

package main

import (
	"context"
	"slices"

	"wxproxy/bench/load"
)

// busy returns the CPU time at a constant rate by TLS, without and with a line of the log
// for each request, and how long that is.
func (b *bench) busy(ctx context.Context, one program, p plan) ([]size, error) {
	silent, _, err := b.steady(ctx, one, p, false)
	if err != nil {
		return nil, err
	}
	logging, length, err := b.steady(ctx, one, p, true)
	return []size{
		{"CPU at 1,000 requests/s, % of a core", silent},
		{"the same with access = true", logging},
		{"log for each request with access = true, bytes", length},
	}, err
}

// steady returns how much of a core a program takes, in percent, and what it logs for each
// request, in bytes: medians of the rounds.
func (b *bench) steady(ctx context.Context, one program, p plan, accessLog bool) (share, length float64, err error) {
	var shares, lengths []float64
	test := load.Constant{Rate: sizingRate, Callers: manyCallers, Duration: p.long}.Run
	s := b.setUp(one, 1)
	s.Site, s.upstream = b.site(b.tls), b.tls
	s.Log = accessLog
	err = b.during(ctx, s, func(c *contestant) error {
		for range p.rounds {
			before, err := c.moment()
			if err != nil {
				return err
			}
			run, err := trial{c, test}.calmest(ctx, 0) // once: the log counts all requests
			if err != nil {
				return err
			}
			after, err := c.moment()
			if err != nil {
				return err
			}
			shares = append(shares, 100*float64(run.CPU)/float64(run.Elapsed))
			lengths = append(lengths, float64(after.logged-before.logged)/float64(run.Requests+manyCallers))
		}
		return nil
	})
	return middleOf(shares), middleOf(lengths), err
}

// middleOf returns the median, 0 of nothing.
func middleOf(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}
