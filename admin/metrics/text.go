package metrics

import (
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A text is metrics in Prometheus's text format, as families: lines of one metric have to
// stand together. Ten thousand accounts have some thirty thousand lines, for each of
// which client_golang makes a dozen objects (docs/decisions/0018).
type text map[*description]*family

// A family is what is told of one metric.
type family struct {
	*description
	kind  string // a word of the format
	lines []byte
}

// A measured says how many of what was measured were in each class: up to each of the
// bounds, and above the last one.
type measured struct {
	bounds  []time.Duration
	classes []uint64
	total   time.Duration
}

func (t text) gauge(d *description, value float64, labels ...string) {
	t.family(d, "gauge").sample("", labels, "", value)
}

func (t text) counter(d *description, n uint64, labels ...string) {
	t.family(d, "counter").sample("", labels, "", float64(n))
}

func (t text) histogram(d *description, m measured, labels ...string) {
	f, sum := t.family(d, "histogram"), uint64(0)
	for i, n := range m.classes {
		sum += n
		bound := "+Inf"
		if i < len(m.bounds) {
			bound = strconv.FormatFloat(m.bounds[i].Seconds(), 'g', -1, 64)
		}
		f.sample("_bucket", labels, bound, float64(sum))
	}
	f.sample("_sum", labels, "", m.total.Seconds())
	f.sample("_count", labels, "", float64(sum))
}

func (t text) family(d *description, kind string) *family {
	f := t[d]
	if f == nil {
		f = &family{description: d, kind: kind}
		t[d] = f
	}
	return f
}

// sample adds a line. The bound of a bucket is empty for other lines.
func (f *family) sample(suffix string, labels []string, bound string, value float64) {
	line := append(append(f.lines, f.name...), suffix...)
	open := byte('{')
	for i, label := range labels {
		line, open = appendLabel(line, open, f.labels[i], label), ','
	}
	if bound != "" {
		line, open = appendLabel(line, open, "le", bound), ','
	}
	if open == ',' {
		line = append(line, '}')
	}
	line = strconv.AppendFloat(append(line, ' '), value, 'g', -1, 64)
	f.lines = append(line, '\n')
}

func appendLabel(line []byte, open byte, name, value string) []byte {
	line = append(append(append(line, open), name...), `="`...)
	if strings.ContainsAny(value, "\\\"\n") {
		value = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value)
	}
	return append(append(line, value...), '"')
}

// clear forgets all lines, and keeps the memory for others.
func (t text) clear() {
	for _, f := range t {
		f.lines = f.lines[:0]
	}
}

// writeTo writes the families whose names are wanted, one after the other.
func (t text) writeTo(w io.Writer, wanted func(name string) bool) error {
	inOrder := slices.SortedFunc(maps.Keys(t), func(a, b *description) int { return strings.Compare(a.name, b.name) })
	for _, d := range inOrder {
		if len(t[d].lines) == 0 || !wanted(d.name) {
			continue
		}
		head := "# HELP " + d.name + " " + d.help + "\n# TYPE " + d.name + " " + t[d].kind + "\n"
		if _, err := io.WriteString(w, head); err != nil {
			return err
		}
		if _, err := w.Write(t[d].lines); err != nil {
			return err
		}
	}
	return nil
}
