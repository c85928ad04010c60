//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wxproxy/bench/peer"
	"wxproxy/bench/report"
	"wxproxy/bench/upstream"
)

// A plan is how much of everything is measured for the table of sizes.
type plan struct {
	idle, accounts, uploads int
	shared                  int // accounts that share a Redis
	rounds                  int
	long                    time.Duration // of a load
	outage                  time.Duration // of which the first third is its beginning
	watched                 time.Duration // of Redis at rest
}

var (
	fullPlan  = plan{idle: idleCallers, accounts: 10_000, uploads: 16, shared: 1000, rounds: 3, long: 5 * time.Second, outage: 90 * time.Second, watched: time.Minute}
	quickPlan = plan{idle: 1000, accounts: 1000, uploads: 8, shared: 100, rounds: 1, long: 2 * time.Second, outage: 6 * time.Second, watched: 30 * time.Second}
)

// sizingRate is the load, in requests a second, that sizes are measured with.
const sizingRate = 1000

// A size is one thing that operators plan for, as measured.
type size struct {
	what  string
	value float64
}

// size measures what operators plan for and writes it down.
func (b *bench) size(ctx context.Context, folder string) error {
	began := now()
	t, err := b.sizes(ctx, fullPlan)
	if err != nil {
		return err
	}
	return b.writeSizes(folder, t, began)
}

// sizes measures each of the programs by the plan, and returns the table.
func (b *bench) sizes(ctx context.Context, p plan) (report.Table, error) {
	var columns [][]size
	head := []string{"what it takes"}
	for _, one := range b.programs {
		var column []size
		for _, step := range []func(context.Context, program, plan) ([]size, error){
			b.memory, b.uploading, b.busy, b.outage, b.redis,
		} {
			found, err := step(ctx, one, p)
			if err != nil {
				return nil, fmt.Errorf("sizes of %s: %w", one.name, err)
			}
			column = append(column, found...)
		}
		head, columns = append(head, one.name), append(columns, column)
	}
	t := tabulate(head, columns)
	return t, b.show(t)
}

// tabulate returns a table with a row for each size, and a column for each program.
func tabulate(head []string, columns [][]size) report.Table {
	t := report.Table{head}
	for i, first := range columns[0] {
		row := []string{first.what}
		for _, column := range columns {
			row = append(row, fmt.Sprintf("%.4g", column[i].value))
		}
		t = append(t, row)
	}
	return t
}

// A setup is a program with its configuration and its surroundings.
type setup struct {
	program
	peer.Shape
	peer.Site
	upstream *upstream.Server
}

// setUp returns a program with one client before the plain upstream.
func (b *bench) setUp(one program, accounts int) setup {
	return setup{one, peer.Shape{Accounts: accounts, Clients: 1}, b.site(b.plain), b.plain}
}

// during starts a program, has do measure it, and stops it.
func (b *bench) during(ctx context.Context, s setup, do func(c *contestant) error) (err error) {
	p, err := peer.WXProxy(s.name, s.path, s.Shape)
	if err != nil {
		return err
	}
	c, err := begin(ctx, p, s.Site, s.upstream)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	return do(c)
}
