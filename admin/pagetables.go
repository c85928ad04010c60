package admin

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxproxy/proxy/traffic"
)

// maxErrcodes is how many errcodes the page names.
const maxErrcodes = 6

// errcodes adds the commonest errcodes.
func (d *document) errcodes(counts []traffic.ErrcodeCount) {
	sums := sumsOf(counts)
	if len(sums) == 0 {
		return
	}
	commonest := commonestOf(sums)
	d.say("", wordSinceStart, "")
	for _, errcode := range commonest[:min(len(commonest), maxErrcodes)] {
		name := strconv.Itoa(errcode)
		if errcode == traffic.OtherErrcode {
			name = wordOther[d.lang]
		}
		d.in(" <span><b>", name, "</b> ×&#8239;")
		d.number("", sums[errcode], "</span>")
	}
	if more := len(commonest) - maxErrcodes; more > 0 {
		d.in(" <span>", d.sayf(wordMore, grouped(uint64(more))), "</span>")
	}
}

// sumsOf returns how often each errcode was answered.
func sumsOf(counts []traffic.ErrcodeCount) map[int]uint64 {
	sums := map[int]uint64{}
	for _, c := range counts {
		sums[c.Errcode] += c.N
	}
	return sums
}

// commonestOf returns the errcodes, the commonest first.
func commonestOf(sums map[int]uint64) []int {
	return slices.SortedFunc(maps.Keys(sums), func(a, b int) int {
		return cmp.Or(cmp.Compare(sums[b], sums[a]), cmp.Compare(a, b))
	})
}

// hosts adds the table of WeChat's hosts.
func (d *document) hosts(hosts []Host, title phrase) {
	d.say(`<section aria-labelledby="hosts"><h2 id="hosts">`, title, "</h2>")
	d.say(`<table role="table"><caption>`, title, "</caption>")
	d.columns(wordHost, wordState, wordSince)
	for _, host := range hosts {
		d.in(`<tr role="row"><th role="rowheader" scope="row">`, host.URL, "")
		if host.Reason != "" {
			d.in(` <small>`, host.Reason, "</small>")
		}
		word, class := wordUp, markup("good")
		if host.State != "up" {
			word, class = wordDown, "bad"
		}
		d.mark(`</th><td role="cell"><span class="state `)
		d.mark(class)
		d.say(`">`, word, `</span></td><td role="cell">`)
		d.moment(host.Since)
		d.mark("</td></tr>")
	}
	d.mark("</tbody></table></section>")
}

// allDown reports whether no host can be reached.
func allDown(hosts []Host) bool {
	for _, host := range hosts {
		if host.State == "up" {
			return false
		}
	}
	return len(hosts) > 0
}

// columns adds the head of a table and begins its body.
func (d *document) columns(words ...phrase) {
	d.mark(`<thead role="rowgroup"><tr role="row">`)
	for _, word := range words {
		d.say(`<th role="columnheader" scope="col">`, word, "</th>")
	}
	d.mark(`</tr></thead><tbody role="rowgroup">`)
}

// called is how often a client has called since the start, and how often in vain.
type called struct {
	requests, failed uint64
	reasons          failures
}

// clients adds the table of clients, and what was asked without a client's key.
func (d *document) clients(clients []Client, counted *traffic.Snapshot) {
	sums := map[string]called{}
	reasons, _ := failuresOf(counted)
	for _, c := range counted.Requests {
		sum := sums[c.Client]
		sum.requests += c.N
		if c.Status < 200 || c.Status >= 400 {
			sum.failed += c.N
		}
		sum.reasons = reasons[c.Client]
		sums[c.Client] = sum
	}
	d.say(`<section aria-labelledby="clients"><h2 id="clients">`, wordClients, "</h2>")
	d.say(`<table class="cards" role="table"><caption>`, wordClients, "</caption>")
	d.columns(wordClient, wordTotal, wordFailed, wordMay, wordLimits)
	for _, client := range clients[:min(len(clients), maxRows)] {
		d.client(client.Name, sums[client.Name])
		d.may(cmp.Or(namesOf(client.Accounts, d), wordEvery[d.lang]), cmp.Or(d.limits(client), "–"))
	}
	if sum := sums[""]; len(clients) == 0 || sum.requests > 0 {
		d.client(wordNobody[d.lang], sum)
		d.may("–", "–")
	}
	d.mark("</tbody></table>")
	if more := len(clients) - maxRows; more > 0 {
		d.in(`<p class="none">`, d.sayf(wordMore, grouped(uint64(more))), "</p>")
	}
	d.mark("</section>")
}

// client begins the row of a client.
func (d *document) client(name string, c called) {
	d.in(`<tr role="row"><th role="rowheader" scope="row">`, name, "</th>")
	d.labelled(`<td role="cell" data-label="`, wordTotal)
	d.number("", c.requests, "</td>")
	d.labelled(`<td role="cell" data-label="`, wordFailed)
	d.number("", c.failed, "")
	d.reasons(c.reasons)
	d.mark("</td>")
}

// may ends the row with what a client may do.
func (d *document) may(accounts, limits string) {
	d.labelled(`<td role="cell" data-label="`, wordMay)
	d.in("", accounts, "</td>")
	d.labelled(`<td role="cell" data-label="`, wordLimits)
	d.in("", limits, "</td></tr>")
}

// namesOf returns a few names, and how many more there are.
func namesOf(names []string, d *document) string {
	const few = 3
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:few], ", ") + " " + d.sayf(wordMore, grouped(uint64(len(names)-few)))
}

// limits returns in words what a client is held to.
func (d *document) limits(c Client) string {
	var limits []string
	if c.MaxInFlight > 0 {
		limits = append(limits, d.sayf(wordAtATime, c.MaxInFlight))
	}
	if c.Interval > 0 {
		rate, unit := float64(time.Second)/float64(c.Interval), wordPerSec
		if rate < 1 {
			rate, unit = rate*60, wordPerMin
		}
		limits = append(limits, d.sayf(unit, strings.TrimSuffix(fmt.Sprintf("%.1f", rate), ".0")))
	}
	return strings.Join(limits, ", ")
}

// wrongSecrets adds what WeCom may ban this machine's address for.
func (d *document) wrongSecrets(a *Admin) {
	if a.WrongSecrets == nil {
		return
	}
	n, most := a.WrongSecrets()
	d.say("<div><dt>", wordWrongSecrets, "</dt>")
	d.in("<dd>", d.sayf(wordOfAtMost, counted(n), counted(most)), "</dd></div>")
}
