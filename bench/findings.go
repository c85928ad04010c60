//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"wxproxy/bench/report"
)

// full measures everything and writes it down.
func (b *bench) full(ctx context.Context, number int, folder string) error {
	began := now()
	b.repeats = 3
	var f findings
	for _, p := range parts() {
		if p.aside {
			continue
		}
		if err := p.measure(b, ctx, number, &f); err != nil {
			return err
		}
	}
	if err := b.show(b.goals(f)); err != nil {
		return err
	}
	return b.write(f, folder, fmt.Sprintf("%s, %d rounds, %d of what is not at the top", began, number, fewer(number)))
}

// mostByTitle has the goals for CPU time, beside nginx's, of comparisons that are known by their titles.
var mostByTitle = map[string]float64{
	"upload of 64 KiB": 1.00, "upload of 66 KiB": 1.10, "upload of 128 KiB": 1.10, "upload of 256 KiB": 1.10, "upload of 1024 KiB": 0.60, "answer of 16 KiB": 1.00,
	"new connections, closed by the proxy": 1.00, "new connections, closed by the caller": 1.00, "HTTPS callers, resumed": 1.30, "access log": 1.15,
}

// askedByTitle are those that the plot has besides the first two, plain and by TLS.
var askedByTitle = []string{"upload of 256 KiB", "answer of 16 KiB", "new connections, closed by the caller", "HTTPS callers, resumed", "access log"}

// A goal is what a program should be at most, compared with the first of a comparison.
type goal struct {
	what string
	most float64
	of   report.Value
}

// goals compares the last of the programs with the goals of this project, as far as they
// were measured.
func (b *bench) goals(f findings) report.Table {
	name := b.programs[len(b.programs)-1].name
	t := report.Table{{"goal for " + name, "at most", "measured", "spread", ""}}
	t = append(t, compared(name, f.plain, goal{"CPU to nginx, plain, saturated", 0.95, report.CostOf}, goal{"CPU to nginx, plain, 2000/s", 1.15, report.CostOf}, goal{"p50 to nginx, plain, 1 caller", 1.10, report.P50Of})...)
	t = append(t, compared(name, f.secure, goal{"CPU to nginx, TLS, saturated", 0.80, report.CostOf}, goal{"CPU to nginx, TLS, 2000/s", 1.00, report.CostOf}, goal{"p50 to nginx, TLS, 1 caller", 1.10, report.P50Of})...)
	for _, list := range [][]report.Comparison{f.bodies, f.fresh, f.callers, f.logged} {
		for _, c := range list {
			if mostByTitle[c.Title] > 0 {
				t = append(t, compared(name, []report.Comparison{c}, goal{"CPU to nginx, " + c.Title, mostByTitle[c.Title], report.CostOf})...)
			}
		}
	}
	t = append(t, compared(name, f.silent, goal{"p99.9 to nginx, the first second after a silence", 1.10, report.P999Of})...)
	t = append(t, compared(name+scrapedSuffix, alone(f.scraped), goal{"CPU to nginx, 10000 accounts, a scrape a second", 1.05, report.CostOf})...)
	t = append(t, compared(answeringWith(name, 1), alone(f.shared), goal{"p99 to nginx with one worker, shared cores, one thread", 1.10, report.P99Of})...)
	t = append(t, grown("1 account", "accounts", f.accounts)...)
	t = append(t, grown("1 client", "clients", f.clients)...)
	t = append(t, f.platform.goals()...)
	return append(t, resting(name, f)...)
}

// compared returns a row for each of the goals, which are those of the comparisons in order.
func compared(name string, all []report.Comparison, goals ...goal) (rows report.Table) {
	for i, c := range all {
		g := goals[i]
		r := c.Ratio(name, g.of)
		rows = append(rows, row(g.what, g.most, r.Median, r.Spread()))
		if c.Limited(name) {
			rows[len(rows)-1][4] += ", limited by the load"
		}
	}
	return rows
}

// alone returns the comparison as a list, nothing if it was not measured.
func alone(c report.Comparison) []report.Comparison {
	if len(c.Series) == 0 {
		return nil
	}
	return []report.Comparison{c}
}

// grown returns a row for each shape but the first, with which it is compared.
func grown(first, unit string, c report.Comparison) (rows report.Table) {
	for _, size := range c.Series[min(1, len(c.Series)):] {
		r := c.Ratio(size.Name, report.CostOf)
		rows = append(rows, row("CPU to "+first+", "+size.Name+" "+unit, 1.05, r.Median, r.Spread()))
	}
	return rows
}

// resting returns the rows about memory and the start.
func resting(name string, f findings) (rows report.Table) {
	for figure, most := range map[*report.Figure]float64{f.crowded: 45, f.left: 30, f.idle: 20, f.start: 50} {
		if figure != nil {
			rows = append(rows, row(figure.Title, most, figure.Median(name), ""))
		}
	}
	slices.SortFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return rows
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
	return errors.Join(
		b.writePlot(folder, f.asked(), when+", "+machine),
		b.writeTables(folder, f, []string{"Machine: " + machine + ".", "Measured: " + when + ".", b.standing}),
	)
}

// asked returns the comparisons that users ask about, for the plot.
func (f findings) asked() []report.Comparison {
	shown := slices.Concat(f.plain[:2], f.secure[:2])
	for _, c := range slices.Concat(f.bodies, f.fresh, f.callers, f.logged) {
		if slices.Contains(askedByTitle, c.Title) {
			shown = append(shown, c)
		}
	}
	return shown
}
