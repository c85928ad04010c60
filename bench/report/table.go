//go:build linux

package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A Comparison is the same load on several proxies. The others are compared with the
// first.
type Comparison struct {
	Title  string
	Series []Series
	// Sampled leaves the shares of user and system time out: the kernel finds them
	// by looking at each tick of its clock, and a proxy that is idle most of the
	// time works in step with that clock.
	Sampled bool
}

// Values of a run, in the units of the tables.
var (
	CostOf   Value = func(r Run) float64 { return micro(r.Cost()) }
	UserOf   Value = func(r Run) float64 { return micro(r.each(r.User)) }
	SystemOf Value = func(r Run) float64 { return micro(r.each(r.System)) }
	P50Of    Value = func(r Run) float64 { return micro(r.P50) }
	P99Of    Value = func(r Run) float64 { return micro(r.P99) }
	P999Of   Value = func(r Run) float64 { return micro(r.P999) }
	MemoryOf Value = func(r Run) float64 { return float64(r.Memory) / (1 << 20) }
	DialsOf  Value = func(r Run) float64 { return float64(r.Dials) }
	BusyOf   Value = func(r Run) float64 { return 100 * r.Busy() }
	OthersOf Value = func(r Run) float64 { return 100 * r.Others }
	LoadOf   Value = func(r Run) float64 { return 100 * r.Load }
	RateOf   Value = Run.Rate
)

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

type column struct {
	name    string
	of      Value
	digits  int
	against bool // with the ratio to the first proxy
}

// columns of a Comparison behind its name and the cost with its spread.
var columns = []column{
	{"user", UserOf, 1, false},
	{"system", SystemOf, 1, false},
	{"requests/s", RateOf, 0, true},
	{"p50 us", P50Of, 0, true},
	{"p99 us", P99Of, 0, true},
	{"p99.9 us", P999Of, 0, true},
	{"RSS MiB", MemoryOf, 1, true},
	{"core %", BusyOf, 0, false},
	{"others %", OthersOf, 0, false},
	{"load %", LoadOf, 0, false},
	{"dials", DialsOf, 0, false},
}

// Table returns medians, each with its ratio to the first proxy where that is of use.
func (c Comparison) Table() Table {
	shown := columns
	if c.Sampled {
		shown = columns[2:]
	}
	head := []string{c.Title, "CPU us/request", "ratio", "spread"}
	for _, column := range shown {
		head = append(head, column.name)
	}
	t := Table{head}
	for _, s := range c.Series {
		ratio := s.RatioTo(c.Series[0], CostOf)
		row := []string{s.Name, fmt.Sprintf("%.2f", s.Median(CostOf)), fmt.Sprintf("**%.2f**", ratio.Median), ratio.Spread()}
		for _, column := range shown {
			row = append(row, column.cell(s, c.Series[0]))
		}
		if c.Limited(s.Name) {
			row[len(row)-1] += ", limited by the load"
		}
		t = append(t, row)
	}
	return t
}

// Ratio returns the ratio of the named series to the mark; zeros if there is none.
func (c Comparison) Ratio(name string, of Value) Ratio {
	i := slices.IndexFunc(c.Series, func(s Series) bool { return s.Name == name })
	if i < 0 {
		return Ratio{}
	}
	return c.Series[i].RatioTo(c.Series[0], of)
}

// Limited reports whether the load had nothing left of its core, while the named series left
// some of its own: then that one could have answered more.
func (c Comparison) Limited(name string) bool {
	i := slices.IndexFunc(c.Series, func(s Series) bool { return s.Name == name })
	return i >= 0 && c.Series[i].Median(LoadOf) > 97 && c.Series[i].Median(BusyOf)+c.Series[i].Median(OthersOf) < 95
}

func (c column) cell(s, mark Series) string {
	cell := fmt.Sprintf("%.*f", c.digits, s.Median(c.of))
	if c.against {
		cell += fmt.Sprintf(" (%.2f)", s.RatioTo(mark, c.of).Median)
	}
	return cell
}

// A Table has rows of cells; the first is the head.
type Table [][]string

// WriteTo writes the table as Markdown that reads well as text, too.
func (t Table) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	widths := make([]int, len(t[0]))
	for _, row := range t {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range t {
		for i, cell := range row {
			b.WriteString("| " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+1))
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i, width := range widths {
			b.WriteString("|" + strings.Repeat("-", width+1) + map[bool]string{true: "-", false: ":"}[i == 0])
		}
		b.WriteString("|\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}
