// Package routes finds what is said of a path: by itself, or by a pattern that it matches.
package routes

import (
	"slices"
	"strings"

	"wxproxy/accountkind"
)

// A Table has a row for each of some patterns: an exact one is found first, then the one with
// the longest prefix.
type Table[Row any] struct {
	exact    map[string]Row
	prefixes []prefix[Row] // longest first
}

type prefix[Row any] struct {
	pattern string
	row     Row
}

// New returns a table of rows, made of those that accountkind has. Later ones win.
func New[Row any](rows []accountkind.Route, made func(accountkind.Route) Row) Table[Row] {
	t := Table[Row]{exact: map[string]Row{}}
	for _, row := range rows {
		row.Pattern = accountkind.Normal(row.Pattern)
		if strings.HasSuffix(row.Pattern, "*") {
			t.prefixes = append(t.prefixes, prefix[Row]{row.Pattern, made(row)})
		} else {
			t.exact[row.Pattern] = made(row)
		}
	}
	slices.SortStableFunc(t.prefixes, func(a, b prefix[Row]) int { return len(b.pattern) - len(a.pattern) })
	return t
}

// Find returns the row of a policy path.
func (t *Table[Row]) Find(policy []byte) (row Row, found bool) {
	if row, found = t.exact[string(policy)]; found {
		return row, true
	}
	for i := range t.prefixes {
		if accountkind.Matches(t.prefixes[i].pattern, policy) {
			return t.prefixes[i].row, true
		}
	}
	return row, false
}
