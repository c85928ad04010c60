//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"

	"wxproxy/bench/report"
)

// findings are all results of a whole run. The comparisons in plain and secure are
// those of essential and of alone, in that order.
type findings struct {
	plain, secure, larger []report.Comparison
	idle, crowded, start  *report.Figure
	accounts, clients     report.Comparison
}

// full measures everything and writes it down.
func (b *bench) full(ctx context.Context, number int, folder string) error {
	began := now()
	b.repeats = 3
	var f findings
	err := inOrder(
		func() (err error) {
			list := append(b.essential("plain", fullTime), b.alone("plain"))
			f.plain, err = b.compare(ctx, contest{b.contestants, b.plain, number, list})
			return err
		},
		func() (err error) {
			list := append(b.essential("TLS", fullTime), b.alone("TLS"))
			f.secure, err = b.compare(ctx, contest{b.contestants, b.tls, number, list})
			return err
		},
		func() (err error) { f.idle, f.crowded, err = b.resting(ctx); return err },
		func() (err error) { f.start, err = b.starting(ctx); return err },
		func() (err error) {
			f.larger, err = b.compare(ctx, contest{b.contestants, b.plain, number, b.larger()})
			return err
		},
		func() (err error) { f.accounts, f.clients, err = b.growth(ctx, number); return err },
	)
	if err != nil {
		return err
	}
	if err := b.show(b.goals(f)); err != nil {
		return err
	}
	return b.write(f, folder, fmt.Sprintf("%s, %d rounds", began, number))
}

// inOrder runs the steps until one fails.
func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// goals compares the last of the programs with the goals of this project.
func (b *bench) goals(f findings) report.Table {
	name := b.programs[len(b.programs)-1].name
	t := report.Table{{"goal for " + name, "at most", "measured", "spread", ""}}
	ratio := func(what string, most float64, c report.Comparison, of report.Value) {
		r := c.Ratio(name, of)
		t = append(t, row(what, most, r.Median, r.Spread()))
	}
	ratio("CPU to nginx, plain, saturated", 1.00, f.plain[0], report.CostOf)
	ratio("CPU to nginx, TLS, saturated", 0.95, f.secure[0], report.CostOf)
	ratio("CPU to nginx, plain, 2000/s", 1.15, f.plain[1], report.CostOf)
	ratio("CPU to nginx, TLS, 2000/s", 1.00, f.secure[1], report.CostOf)
	ratio("p50 to nginx, plain, 1 caller", 1.10, f.plain[2], report.P50Of)
	ratio("p50 to nginx, TLS, 1 caller", 1.10, f.secure[2], report.P50Of)
	for _, size := range f.accounts.Series[1:] {
		r := f.accounts.Ratio(size.Name, report.CostOf)
		t = append(t, row("CPU to 1 account, "+size.Name+" accounts", 1.05, r.Median, r.Spread()))
	}
	for _, size := range f.clients.Series[1:] {
		r := f.clients.Ratio(size.Name, report.CostOf)
		t = append(t, row("CPU to 1 client, "+size.Name+" clients", 1.05, r.Median, r.Spread()))
	}
	t = append(t,
		row(f.crowded.Title, 80, f.crowded.Median(name), ""),
		row(f.idle.Title, 20, f.idle.Median(name), ""),
		row(f.start.Title, 50, f.start.Median(name), ""))
	return t
}

func row(what string, most, measured float64, spread string) []string {
	verdict := "missed"
	if measured <= most {
		verdict = "reached"
	}
	return []string{what, fmt.Sprintf("%.2f", most), fmt.Sprintf("%.2f", measured), spread, verdict}
}

// write writes RESULTS.md and results.svg.
func (b *bench) write(f findings, folder, when string) error {
	machine, err := describeMachine()
	if err != nil {
		return err
	}
	essentials := []report.Comparison{f.plain[0], f.plain[1], f.secure[0], f.secure[1]}
	return errors.Join(
		b.writePlot(folder, essentials, when+", "+machine),
		b.writeTables(folder, f, []string{"Machine: " + machine + ".", "Measured: " + when + "."}),
	)
}
