package admin

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strconv"
	"time"

	"wxproxy/internal/meanings"
	"wxproxy/proxy/traffic"
)

// A document is a page in the making, in one language. Everything that does not stand
// in this package's source gets into it escaped: mark takes literals only, unless
// somebody converts a string to markup.
type document struct {
	bytes bytes.Buffer
	lang  lang
	now   time.Time
}

// markup is HTML that is written down in this package. An attribute that a text
// goes into has double quotes around it.
type markup string

// mark adds HTML.
func (d *document) mark(m markup) { d.bytes.WriteString(string(m)) }

// text adds any string, escaped, as text or as the value of an attribute.
func (d *document) text(s string) { d.bytes.WriteString(html.EscapeString(s)) }

// in adds a text between two pieces of HTML.
func (d *document) in(before markup, text string, after markup) {
	d.mark(before)
	d.text(text)
	d.mark(after)
}

// say adds words in the language of the page, between two pieces of HTML.
func (d *document) say(before markup, p phrase, after markup) { d.in(before, p[d.lang], after) }

// number adds one, with the thousands apart, between two pieces of HTML.
func (d *document) number(before markup, n uint64, after markup) { d.in(before, grouped(n), after) }

// sayf returns words in the language of the page with values put in.
func (d *document) sayf(p phrase, values ...any) string { return fmt.Sprintf(p[d.lang], values...) }

// moment adds a time: how far from now it is, and exactly when one points at it.
func (d *document) moment(t time.Time) {
	if t.IsZero() {
		d.mark("–")
		return
	}
	d.in(`<time datetime="`, t.UTC().Format(time.RFC3339), `" title="`)
	d.in("", t.Local().Format("2006-01-02 15:04:05 -0700"), `">`)
	d.in("", d.distance(t.Sub(d.now)), "</time>")
}

// distance returns in words how far away from now something is.
func (d *document) distance(away time.Duration) string {
	switch {
	case away >= time.Second:
		return d.sayf(wordIn, d.span(away))
	case away > -time.Second:
		return wordNow[d.lang]
	}
	return d.sayf(wordAgo, d.span(-away))
}

// span returns a duration in words, as exact as people want it.
func (d *document) span(long time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case long < time.Minute:
		return d.sayf(wordSeconds, int(long/time.Second))
	case long < time.Hour:
		return d.sayf(wordMinutes, int(long/time.Minute))
	case long < day:
		return d.sayf(wordHours, int(long/time.Hour), int(long%time.Hour/time.Minute))
	}
	return d.sayf(wordDays, int(long/day), int(long%day/time.Hour))
}

// exactly returns the end of an interval of latencies in words.
func (d *document) exactly(bound time.Duration) string {
	if bound < time.Second {
		return d.sayf(wordMillis, bound.Milliseconds())
	}
	return d.sayf(wordSecs, strconv.FormatFloat(bound.Seconds(), 'f', -1, 64))
}

// inMilliseconds returns a time as exactly as it is known.
func inMilliseconds(t time.Duration) float64 {
	ms := float64(t) / float64(time.Millisecond)
	if ms < 10 {
		return math.Round(10*ms) / 10
	}
	return math.Round(ms)
}

// roughly returns a time in words, as exactly as it is known.
func (d *document) roughly(t time.Duration) string {
	if ms := inMilliseconds(t); ms < 1000 {
		return d.sayf(wordMilliseconds, strconv.FormatFloat(ms, 'f', -1, 64))
	}
	return d.sayf(wordSecs, strconv.FormatFloat(t.Seconds(), 'f', 1, 64))
}

// grouped returns n in digits, in groups of three.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// meanings adds what the errcodes that the page names mean, and what to do about them: at
// WeChat, at WeCom, or at both, as there were accounts that they were answered to.
func (d *document) meanings(counts []traffic.ErrcodeCount, isWeCom map[string]bool) {
	kinds := map[int][2]bool{} // of WeChat, of WeCom
	for _, c := range counts {
		of := kinds[c.Errcode]
		of[0], of[1] = of[0] || !isWeCom[c.Account], of[1] || isWeCom[c.Account]
		kinds[c.Errcode] = of
	}
	commonest := commonestOf(sumsOf(counts))
	d.mark(`<div class="meanings">`)
	for _, errcode := range commonest[:min(len(commonest), maxErrcodes)] {
		for i, kind := range [...]meanings.Kind{meanings.WeChat, meanings.WeCom} {
			if kinds[errcode][i] {
				d.meaning(kind, errcode, "")
			}
		}
	}
	d.mark("</div>")
}

// meaning adds what an errcode means, if that is known. The errmsg may name the IP address that
// the remedy is about.
func (d *document) meaning(kind meanings.Kind, errcode int, errmsg string) {
	row, ok := kind.Find(errcode, meanings.Anywhere)
	if !ok {
		return
	}
	row = row.About(meanings.AddressIn(errmsg, wordThisMachine[english]), meanings.AddressIn(errmsg, wordThisMachine[chinese]))
	d.in("<p><b>", strconv.Itoa(errcode), "</b> ")
	d.say("", phrase{row.Meaning, row.MeaningZH}, ` <small class="remedy">`)
	d.say("", wordRemedy, "")
	d.say("", phrase{row.Remedy, row.RemedyZH}, "</small></p>")
}
