//go:build linux

// Package report makes tables and a plot of what was measured.
package report

import (
	"fmt"
	"slices"
	"time"

	"wxproxy/bench/load"
)

// A Run is the result of one measurement of one proxy.
type Run struct {
	load.Result
	CPU, User, System time.Duration // of the proxy, for all requests
	Memory            int64         // resident, at the end
	Dials             int64         // connections to the upstream that were opened
	Others            float64       // the share of the proxy's core that other processes used
	Load              float64       // the share of the load's core that was used
}

// Cost is the CPU time of one request.
func (r Run) Cost() time.Duration { return r.each(r.CPU) }

func (r Run) each(of time.Duration) time.Duration {
	return time.Duration(float64(of) / float64(max(r.Requests, 1)))
}

// Rate is how many requests were answered in a second.
func (r Run) Rate() float64 {
	if r.Elapsed == 0 {
		return 0
	}
	return float64(r.Requests) / r.Elapsed.Seconds()
}

// Busy is the share of a core that the proxy used.
func (r Run) Busy() float64 {
	if r.Elapsed == 0 {
		return 0
	}
	return r.CPU.Seconds() / r.Elapsed.Seconds()
}

// A Series is all runs of one proxy, one for each round.
type Series struct {
	Name string
	Runs []Run
}

// A Value is something that a run shows, as a number.
type Value func(Run) float64

// Median returns the median over the rounds.
func (s Series) Median(of Value) float64 { return median(s.values(of)) }

func (s Series) values(of Value) []float64 {
	all := make([]float64, 0, len(s.Runs))
	for _, run := range s.Runs {
		all = append(all, of(run))
	}
	return all
}

// A Ratio is a value divided by that of the proxy that others are compared with: the
// median of all rounds, and the least and the greatest.
type Ratio struct{ Median, Least, Most float64 }

// Spread returns the least and the greatest, for a table.
func (r Ratio) Spread() string { return fmt.Sprintf("%.2f to %.2f", r.Least, r.Most) }

// RatioTo compares round by round, because what slows the machine down for a while slows
// both.
func (s Series) RatioTo(mark Series, of Value) Ratio {
	ours, theirs := s.values(of), mark.values(of)
	all := make([]float64, 0, len(ours))
	for i := range min(len(ours), len(theirs)) {
		if theirs[i] != 0 {
			all = append(all, ours[i]/theirs[i])
		}
	}
	if len(all) == 0 {
		return Ratio{}
	}
	return Ratio{median(all), slices.Min(all), slices.Max(all)}
}

// median returns the middle of the values, or between the two in the middle; 0 of
// none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
