package e2e

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	performance        = "docs/performance.md"
	performanceChinese = "docs/performance.zh-CN.md"
	sizing             = "bench/SIZING.md"
)

// outline returns what two translations of a page have in common, line by line: levels of
// headings, commands without their comments, and of each cell of a table numbers and code.
func outline(page string) (lines []string) {
	code := false
	fixed := regexp.MustCompile("`[^`]+`|\\d[\\d,.]*\\d|\\d")
	comment := regexp.MustCompile(` +# .*`)
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		switch level, _, _ := strings.Cut(line, " "); {
		case strings.HasPrefix(line, "```"):
			code = !code
		case code:
			lines = append(lines, comment.ReplaceAllString(line, ""))
		case strings.HasPrefix(line, "#"):
			lines = append(lines, level)
		case strings.HasPrefix(line, "|"):
			row := ""
			for _, cell := range strings.Split(line, "|") {
				found := fixed.FindAllString(cell, -1)
				slices.Sort(found) // the order of words differs
				row += "|" + strings.Join(found, " ")
			}
			lines = append(lines, row)
		}
	}
	return lines
}

func TestThePagesAboutPerformanceSayTheSame(t *testing.T) {
	english, chinese := outline(read(t, performance)), outline(read(t, performanceChinese))
	if len(english) < 50 {
		t.Fatalf("got %d lines of %s; want headings, tables and commands", len(english), performance)
	}
	for i := range max(len(english), len(chinese)) {
		if i >= len(english) || i >= len(chinese) || english[i] != chinese[i] {
			t.Fatalf("got line %d other in one of %q\nand %q", i, english[min(i, len(english)):], chinese[min(i, len(chinese)):])
		}
	}
}

func TestTranslationsThatDifferAreFound(t *testing.T) {
	const page = "# A\n\n| a `x` | 1,000 |\n\n```sh\nmake # all\n```\n"
	if got, want := outline(strings.NewReplacer("A", "甲", "# all", "# 全部", "a `x`", "`x` 甲").Replace(page)), outline(page); !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
	for _, other := range []string{strings.Replace(page, "# A", "## A", 1), strings.Replace(page, "1,000", "1,001", 1), strings.Replace(page, "`x`", "`y`", 1),
		strings.Replace(page, "make", "make x", 1), page + "## B\n"} {
		if slices.Equal(outline(other), outline(page)) {
			t.Errorf("got no difference in %q", other)
		}
	}
}

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
