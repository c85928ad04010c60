//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wxproxy/bench/load"
	"wxproxy/bench/peer"
	"wxproxy/bench/upstream"
)

// outage returns what a program writes into its log while no request reaches WeChat:
// in the beginning, and from then on.
func (b *bench) outage(ctx context.Context, one program, p plan) (found []size, err error) {
	gone, err := upstream.Start(nil)
	if err != nil {
		return nil, err
	}
	proxy, err := peer.WXProxy(one.name, one.path, peer.Shape{Accounts: 1, Clients: 1})
	if err != nil {
		return nil, err
	}
	c, err := begin(ctx, proxy, b.site(gone), gone)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	var before, began, after moment
	later := make(chan error, 1)
	_, err = load.Constant{Rate: sizingRate, Callers: manyCallers, Duration: p.outage}.Run(ctx, c.target, func() (err error) {
		gone.Close()
		time.AfterFunc(p.outage/3, func() {
			var err error
			began, err = c.moment()
			later <- err
		})
		before, err = c.moment()
		return err
	})
	if err := errors.Join(err, <-later); err != nil {
		return nil, fmt.Errorf("an outage: %w", err)
	}
	if after, err = c.moment(); err != nil {
		return nil, err
	}
	steady := after.at.Sub(began.at)
	return []size{
		{fmt.Sprintf("log of the first %v of an outage at 1,000 requests/s, KB", p.outage/3), float64(began.logged-before.logged) / 1e3},
		{"log from then on, MB an hour", float64(after.logged-began.logged) / 1e6 * float64(time.Hour) / float64(steady)},
		{"CPU in an outage at 1,000 requests/s, % of a core", 100 * float64(after.used-began.used) / float64(steady)},
	}, nil
}

// A moment is what a process has used and written until then.
type moment struct {
	at     time.Time
	used   time.Duration
	logged int
}

func (c *contestant) moment() (m moment, err error) {
	used, err := c.Usage()
	if err != nil {
		return m, err
	}
	m.logged, _, err = c.Logged()
	m.at, m.used = time.Now(), used.CPU
	return m, err
}
