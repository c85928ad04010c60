//go:build linux

package report

import (
	"fmt"
	"slices"
)

// A Figure is one number of each proxy, measured several times.
type Figure struct {
	Title  string
	Names  []string
	Values [][]float64 // of each name
}

// Add adds the values of another proxy.
func (f *Figure) Add(name string, values []float64) {
	f.Names, f.Values = append(f.Names, name), append(f.Values, values)
}

// Median returns the median of the named proxy; 0 if there is none.
func (f *Figure) Median(name string) float64 {
	if i := slices.Index(f.Names, name); i >= 0 {
		return median(f.Values[i])
	}
	return 0
}

// Tabulate returns a table with the medians of figures about the same proxies,
// each with its spread.
func Tabulate(figures ...*Figure) Table {
	head := []string{""}
	for _, f := range figures {
		head = append(head, f.Title, "spread")
	}
	t := Table{head}
	for i, name := range figures[0].Names {
		row := []string{name}
		for _, f := range figures {
			values := f.Values[i]
			row = append(row, fmt.Sprintf("%.1f", median(values)), fmt.Sprintf("%.1f to %.1f", slices.Min(values), slices.Max(values)))
		}
		t = append(t, row)
	}
	return t
}
