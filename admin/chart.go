package admin

import (
	"strconv"
	"time"

	"wxproxy/proxy/traffic"
)

// A chart has a bar for each minute, and a shorter one in front of it.
type chart struct {
	title       phrase
	value, note string // what the hour comes to
	most        string // what the highest bar stands for
	back, front []float64
	hints       []string // what each minute was, "" for nothing
	legend      []phrase // what the bars are, those in front last; nil: no need to say
}

// The size of a chart, in units of its own: the page stretches it.
const (
	minuteWidth = 4
	chartHeight = 48
)

// chart begins a figure.
func (d *document) chart(c chart) {
	d.say("<figure><figcaption>", c.title, "</figcaption>")
	d.in(`<p class="value">`, c.value, "</p>")
	d.in(`<p class="note">`, c.note, "</p>")
	d.in(`<div class="plot"><span class="most">`, c.most, "</span>")
	d.say(`<svg role="img" aria-label="`, c.title, "")
	d.in(": ", c.value+", "+c.note, `" viewBox="0 0 240 48" preserveAspectRatio="none">`)
	highest := 0.0
	for i := range c.back {
		highest = max(highest, c.back[i])
	}
	d.bars(`<path class="back" d="`, c.back, highest)
	d.bars(`<path class="front" d="`, c.front, highest)
	for i, hint := range c.hints {
		if hint != "" {
			d.in(`<rect width="4" height="48" x="`, strconv.Itoa(i*minuteWidth), `"><title>`)
			d.in("", hint, "</title></rect>")
		}
	}
	d.say(`</svg><p class="axis"><span>`, wordHourAgo, "</span>")
	d.say("<span>", wordNow, `</span></p></div><p class="legend">`)
	for _, word := range c.legend {
		d.say("<span>", word, "</span>")
	}
}

// bars adds a path with a bar for each value that is not 0. Even the least is high
// enough to be seen.
func (d *document) bars(before markup, values []float64, highest float64) {
	d.mark(before)
	for i, value := range values {
		if value <= 0 {
			continue
		}
		height := strconv.FormatFloat(max(2, value/highest*chartHeight), 'f', 1, 64)
		d.in("M", strconv.Itoa(i*minuteWidth), " 48v-")
		d.in("", height, "h3v")
		d.in("", height, "z")
	}
	d.mark(`"/>`)
}

// sparkline adds the requests of an account in the last hour, without a scale:
// the number stands beside it.
func (d *document) sparkline(hour []traffic.Minute) {
	values, highest := make([]float64, len(hour)), 0.0
	for i, minute := range hour {
		values[i] = float64(minute.Requests)
		highest = max(highest, values[i])
	}
	if highest > 0 {
		d.mark(`<svg class="spark" aria-hidden="true" viewBox="0 0 240 48" preserveAspectRatio="none">`)
		d.bars(`<path class="back" d="`, values, highest)
		d.mark("</svg>")
	}
}

// charts adds the charts of the last hour, and what the commonest errcodes mean.
func (d *document) charts(hour []traffic.Minute, counted *traffic.Snapshot, isWeCom map[string]bool) {
	d.say(`<section aria-labelledby="hour"><h2 id="hour">`, wordLastHour, `</h2><div class="charts">`)
	d.chart(d.requestChart(hour))
	d.mark("</p></figure>")
	d.chart(d.errcodeChart(hour))
	d.errcodes(counted.Errcodes)
	d.mark("</p></figure>")
	d.chart(d.latencyChart(hour))
	d.mark("</p></figure></div>")
	d.meanings(counted.Errcodes, isWeCom)
	d.mark("</section>")
}

func (d *document) requestChart(hour []traffic.Minute) chart {
	c := newChart(len(hour), wordRequests, wordAll, wordAmong)
	sum := sumOf(hour)
	most := uint32(0)
	for i, m := range hour {
		c.back[i], c.front[i] = float64(m.Requests), float64(m.Failed)
		most = max(most, m.Requests)
		if m.Requests > 0 {
			c.hints[i] = d.sayf(hintRequests, clock(m), grouped(uint64(m.Requests)), grouped(uint64(m.Failed)))
		}
	}
	c.value, c.note = grouped(uint64(sum.Requests)), d.sayf(wordFailedN, grouped(uint64(sum.Failed)))
	c.most = d.sayf(wordMostCalls, grouped(uint64(most)))
	return c
}

func (d *document) errcodeChart(hour []traffic.Minute) chart {
	c := newChart(len(hour), wordErrcodes)
	sum, most := sumOf(hour), uint32(0)
	for i, m := range hour {
		c.front[i] = float64(m.Errcodes)
		c.back[i] = c.front[i]
		most = max(most, m.Errcodes)
		if m.Errcodes > 0 {
			c.hints[i] = d.sayf(hintErrcodes, clock(m), grouped(uint64(m.Errcodes)))
		}
	}
	c.value, c.note = grouped(uint64(sum.Errcodes)), d.sayf(wordPer100, 100*float64(sum.Errcodes)/float64(max(1, sum.Requests)))
	c.most = d.sayf(wordMostCalls, grouped(uint64(most)))
	return c
}

// latencyChart has a bar for each interval in which latencies are counted: what
// is twice as high takes several times as long.
func (d *document) latencyChart(hour []traffic.Minute) chart {
	c := newChart(len(hour), wordLatency, wordMostOf, wordHalfOf)
	most, all := time.Duration(0), sumOf(hour).Durations
	for i, m := range hour {
		half, nearly := m.Quantile(0.5), m.Quantile(0.95)
		c.front[i], c.back[i] = interval(half), interval(nearly)
		most = max(most, nearly)
		if nearly > 0 {
			c.hints[i] = d.sayf(hintLatency, clock(m), d.exactly(half), d.exactly(nearly))
		}
	}
	c.value, c.note, c.most = "–", wordMedian[d.lang], ""
	if most > 0 {
		c.value, c.most = d.sayf(wordWithin, d.exactly(all.Quantile(0.5))), d.exactly(most)
		c.note += d.sayf(wordMost, d.exactly(all.Quantile(0.95)))
	}
	return c
}

func newChart(n int, title phrase, legend ...phrase) chart {
	return chart{title: title, legend: legend, back: make([]float64, n), front: make([]float64, n), hints: make([]string, n)}
}

// sumOf returns the hour as one long minute.
func sumOf(hour []traffic.Minute) (sum traffic.Minute) {
	for _, m := range hour {
		sum.Requests += m.Requests
		sum.Failed += m.Failed
		sum.Errcodes += m.Errcodes
		for i, n := range m.Counts {
			sum.Counts[i] += n
		}
	}
	return sum
}

// interval returns which of the intervals ends with bound, from 1; 0 for none.
func interval(bound time.Duration) float64 {
	for i, b := range traffic.DurationBounds {
		if bound == b {
			return float64(i + 1)
		}
	}
	return 0
}

func clock(m traffic.Minute) string { return m.Start.Local().Format("15:04") }
