//go:build linux

package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"wxproxy/bench/load"
)

// costing returns a series with rounds of 100 requests that cost so many us each.
func costing(name string, costs ...time.Duration) Series {
	s := Series{Name: name}
	for _, cost := range costs {
		s.Runs = append(s.Runs, Run{Result: load.Result{Requests: 100, Elapsed: time.Second, P50: cost * time.Microsecond}, CPU: 100 * cost * time.Microsecond})
	}
	return s
}

func TestMedian(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		want   float64
	}{
		{"of none", nil, 0},
		{"of one", []float64{3}, 3},
		{"of two", []float64{3, 1}, 2},
		{"of three, one of them wild", []float64{900, 1, 3}, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := median(test.values); got != test.want {
				t.Errorf("got %v; want %v", got, test.want)
			}
		})
	}
}

// A slow round slows both down: the ratio of medians would be 2, or 4.
func TestRatioComparesRoundByRound(t *testing.T) {
	mark, other := costing("nginx", 10, 40, 20), costing("wxproxy", 20, 80, 30)
	got := other.RatioTo(mark, CostOf)
	if want := (Ratio{2, 1.5, 2}); got != want {
		t.Errorf("got %v; want %v", got, want)
	}
	if got := mark.RatioTo(mark, CostOf); got != (Ratio{1, 1, 1}) {
		t.Errorf("got %v to itself; want 1", got)
	}
	if got := other.RatioTo(costing("nginx", 0, 0, 0), CostOf); got != (Ratio{}) {
		t.Errorf("got %v to nothing; want none", got)
	}
}

func TestRunWithoutRequestsIsNoDivisionByZero(t *testing.T) {
	var r Run
	if r.Cost() != 0 || r.Rate() != 0 || r.Busy() != 0 {
		t.Errorf("got %v, %v, %v; want zeros", r.Cost(), r.Rate(), r.Busy())
	}
}

func TestTableIsMarkdown(t *testing.T) {
	c := Comparison{Title: "plain", Series: []Series{costing("nginx", 10), costing("wxproxy", 15)}, Sampled: true}
	var b bytes.Buffer
	if _, err := c.Table().WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("got %d lines; want 4:\n%s", len(lines), b.String())
	}
	for _, line := range lines {
		if strings.Count(line, "|") != strings.Count(lines[0], "|") || len(line) != len(lines[0]) {
			t.Errorf("got %q; want it like %q", line, lines[0])
		}
	}
	if !strings.Contains(lines[3], "| 15.00 ") || !strings.Contains(lines[3], "| **1.50** | 1.50 to 1.50 ") || !strings.Contains(lines[3], "15 (1.50)") {
		t.Errorf("got %q", lines[3])
	}
	if strings.Contains(lines[0], "user") {
		t.Errorf("got %q; want no shares of what was sampled", lines[0])
	}
}

func TestRatioOfANameThatIsNotThere(t *testing.T) {
	c := Comparison{Series: []Series{costing("nginx", 10), costing("wxproxy", 15)}}
	if got := c.Ratio("wxproxy", P50Of).Median; got != 1.5 {
		t.Errorf("got %v; want 1.5", got)
	}
	if got := c.Ratio("other", P50Of); got != (Ratio{}) {
		t.Errorf("got %v; want none", got)
	}
}

func TestTabulateFigures(t *testing.T) {
	var idle, start Figure
	idle.Title, start.Title = "idle", "start"
	idle.Add("nginx", []float64{3, 1, 2})
	start.Add("nginx", []float64{10})
	got := Tabulate(&idle, &start)
	want := Table{{"", "idle", "spread", "start", "spread"}, {"nginx", "2.0", "1.0 to 3.0", "10.0", "10.0 to 10.0"}}
	for i, row := range want {
		if strings.Join(got[i], "|") != strings.Join(row, "|") {
			t.Errorf("got %q; want %q", got[i], row)
		}
	}
	if idle.Median("nginx") != 2 || idle.Median("other") != 0 {
		t.Errorf("got %v, %v; want 2, 0", idle.Median("nginx"), idle.Median("other"))
	}
}

func TestPlotIsWellFormed(t *testing.T) {
	var b bytes.Buffer
	series := []Series{costing("nginx", 10, 12), costing("<b>&", 15, 30)}
	Plot(&b, []Comparison{{Title: "a < b", Series: series}, {Title: "TLS", Series: series}}, "date & machine")
	bars := 0
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "rect" {
			bars++
		}
	}
	if bars != 5 {
		t.Errorf("got %d rectangles; want 4 bars and what is behind", bars)
	}
}

// A proxy that left some of its core while the load had nothing left of its own could have
// done more.
func TestWhatTheLoadLimits(t *testing.T) {
	for name, test := range map[string]struct {
		load, others float64
		cpu          time.Duration
		want         bool
	}{
		"the load's core is full":    {1, 0, 500 * time.Millisecond, true},
		"both are":                   {1, 0, 990 * time.Millisecond, false},
		"others take what is left":   {1, 0.5, 500 * time.Millisecond, false},
		"the load's core has a rest": {0.8, 0, 500 * time.Millisecond, false},
	} {
		c := Comparison{Series: []Series{{Name: "x", Runs: []Run{{Result: load.Result{Elapsed: time.Second}, Load: test.load, Others: test.others, CPU: test.cpu}}}}}
		if got := c.Limited("x"); got != test.want {
			t.Errorf("%s: got %v; want %v", name, got, test.want)
		}
		if got := strings.HasSuffix(c.Table()[1][len(c.Table()[0])-1], "limited by the load"); got != test.want {
			t.Errorf("%s: the table says %v; want %v", name, got, test.want)
		}
	}
	if (Comparison{}).Limited("x") {
		t.Error("got a limit of what was not measured")
	}
}

func TestPlotGivesEachNameOneColor(t *testing.T) {
	var b bytes.Buffer
	Plot(&b, []Comparison{
		{Series: []Series{costing("nginx", 10), costing("HAProxy", 10), costing("wxproxy", 10)}},
		{Series: []Series{costing("nginx", 10), costing("wxproxy", 10)}},
	}, "")
	for color, want := range map[string]int{barColors[0]: 2, barColors[1]: 1, barColors[2]: 2} {
		if got := strings.Count(b.String(), color); got != want {
			t.Errorf("got %d bars of %s; want %d", got, color, want)
		}
	}
}
