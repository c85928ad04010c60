package e2e

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const (
	performance        = "docs/performance.md"
	performanceChinese = "docs/performance.zh-CN.md"
	sizing             = "bench/SIZING.md"
)

// What the page says that a side-car takes is what was measured last, but for what differs from one measurement to the next.
func TestWhatASideCarCostsIsWhatWasMeasured(t *testing.T) {
	_, table, _ := strings.Cut(read(t, performance), "## What a side-car costs\n")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := regexp.MustCompile(`(?m)^\| ([^|]+) \| ([\d.]+) \|$`).FindAllStringSubmatch(table, -1)
	if len(rows) < 6 {
		t.Fatalf("got %d rows in %q; want six", len(rows), table)
	}
	for _, row := range rows {
		measured := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(row[1]) + ` +\| ([\d.]+) +\|$`).FindStringSubmatch(read(t, sizing))
		if measured == nil {
			t.Errorf("%s has no %q", sizing, row[1])
			continue
		}
		says, _ := strconv.ParseFloat(row[2], 64)
		was, _ := strconv.ParseFloat(measured[1], 64)
		if math.Abs(says-was) > was/4 {
			t.Errorf("%s: got %v in %s, %v in %s: write what was measured into %s, %s and docs/operations.md",
				row[1], says, performance, was, sizing, performance, performanceChinese)
		}
	}
}
