//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"wxproxy/bench/peer"
	"wxproxy/bench/report"
)

const (
	authorizers      = 100_000
	quickAuthorizers = 10_000 // with so few rounds that nobody wants to wait
)

// platformFindings are what was measured of a platform that many accounts have authorized.
type platformFindings struct {
	calls report.Comparison
	all   []size // in the order of platformSizes
	most  []float64
}

// add adds a size, and what it is to be at most; 0: nothing is said of that.
func (p *platformFindings) add(what string, value, most float64) {
	p.all, p.most = append(p.all, size{what, value}), append(p.most, most)
}

// sizes returns the table of all but the calls.
func (p *platformFindings) sizes() report.Table {
	t := report.Table{{"what it takes", ""}}
	for _, one := range p.all {
		t = append(t, []string{one.what, fmt.Sprintf("%.4g", one.value)})
	}
	return t
}

// goals returns a row for each goal.
func (p *platformFindings) goals() (rows report.Table) {
	series := p.calls.Series
	for i := 1; i < len(series); i++ {
		if mark := series[i-1]; i%2 == 1 {
			r := series[i].RatioTo(mark, report.CostOf)
			rows = append(rows, row("CPU to "+mark.Name+", "+series[i].Name, 1.05, r.Median, r.Spread()))
		}
	}
	for i, one := range p.all {
		if p.most[i] > 0 {
			rows = append(rows, row(one.what, p.most[i], one.value, ""))
		}
	}
	return rows
}

// platformPart measures a platform in files and in Redis, and then what calls cost.
func (b *bench) platformPart(ctx context.Context, number int, f *findings) error {
	many := authorizers
	if number <= quickRounds {
		many = quickAuthorizers
	}
	redis, err := peer.Redis().Start(b.site(b.plain))
	if err != nil {
		return err
	}
	err = b.authorized(ctx, grants{many, "Redis", "redis://" + redis.Addr, 30}, &f.platform, nil)
	if err = errors.Join(err, redis.Stop()); err != nil {
		return fmt.Errorf("a platform in Redis: %w", err)
	}
	inFiles := grants{many, "files", filepath.Join(b.dir, "authorizers"), 10}
	err = b.authorized(ctx, inFiles, &f.platform, func(c *contestant) (err error) {
		f.platform.calls, err = b.callAuthorizers(ctx, c, many, fewer(number))
		return err
	})
	if err != nil {
		return fmt.Errorf("a platform in files: %w", err)
	}
	return b.show(f.platform.sizes())
}
