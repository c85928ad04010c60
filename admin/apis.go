package admin

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"wxproxy/proxy/traffic/apis"
)

// apiStatus is what was called of one API. All paths without a row of their own are
// together in the one called other.
type apiStatus struct {
	Kind       string   `json:"kind"`
	Path       string   `json:"path"`
	Documented bool     `json:"documented"`
	Calls      uint64   `json:"calls"` // since the start
	Hour       apiCalls `json:"hour"`
	Today      apiCalls `json:"today"` // in Beijing
}

// apiCalls is what was called in some time.
type apiCalls struct {
	Calls    uint64            `json:"calls"`
	Failed   uint64            `json:"failed"`
	P50      *float64          `json:"p50_ms"` // null without calls
	P95      *float64          `json:"p95_ms"`
	Errcodes map[string]uint64 `json:"errcodes"` // how many calls failed with each; http_502 and the like without one
}

func (a *Admin) describeAPIs() []apiStatus {
	told := []apiStatus{} // not null
	for _, row := range a.apisNow() {
		told = append(told, apiStatus{row.Kind, row.Path, row.Documented, row.Calls, describeSpan(&row.Hour), describeSpan(&row.Today)})
	}
	return told
}

func describeSpan(s *apis.Span) apiCalls {
	c := apiCalls{Calls: s.Calls, Failed: s.Failed(), Errcodes: map[string]uint64{}}
	for _, f := range s.Failures {
		c.Errcodes[f.Name()] = f.N
	}
	if s.Calls > 0 {
		half, nearly := inMilliseconds(s.P50), inMilliseconds(s.P95)
		c.P50, c.P95 = &half, &nearly
	}
	return c
}

// apisNow returns what was called of each API, those first that failed most in the last hour,
// then those that were called most.
func (a *Admin) apisNow() []apis.Row {
	if a.APIs == nil {
		return nil
	}
	rows := a.APIs.Rows()
	slices.SortStableFunc(rows, func(a, b apis.Row) int {
		return cmp.Or(cmp.Compare(b.Hour.Failed(), a.Hour.Failed()), cmp.Compare(b.Hour.Calls, a.Hour.Calls), cmp.Compare(b.Today.Calls, a.Today.Calls))
	})
	return rows
}

// showAPIs is the page of the APIs and of the last calls that failed.
func (a *Admin) showAPIs(w http.ResponseWriter, r *http.Request) {
	d := newPage(r, "wxproxy")
	d.failedCalls(a.lastFailed())
	d.apis(a.apisNow(), maxRows, true)
	d.mark("</main>")
	d.quotation()
	d.footer(!a.Key.Empty() || a.Public, wordAskWeChat)
	d.mark("</body></html>\n")
	writePage(w, r, d.bytes.Bytes())
}

// maxAPIs is how many APIs the first page shows.
const maxAPIs = 10

// apis adds the table of the APIs that were called, at most that many; on their own page with
// what was called today.
func (d *document) apis(rows []apis.Row, most int, withToday bool) {
	d.say(`<section aria-labelledby="apis"><div class="bar"><h2 id="apis">`, wordAPIs, "</h2>")
	if !withToday {
		d.say(`<a href="apis?lang=`, wordLang, `">`)
		d.say("", wordAllAPIs, "</a>")
	}
	d.mark("</div>")
	if len(rows) == 0 {
		d.say(`<p class="none">`, wordNoCalls, "</p></section>")
		return
	}
	d.say(`<table class="cards apis" role="table"><caption>`, wordAPIs, "</caption>")
	columns := []phrase{wordAPI, wordCalls1h, wordFailed1h, wordHalf1h, wordMost1h}
	if withToday {
		columns = append(columns, wordCallsToday, wordFailedToday, wordHalfToday, wordMostToday)
	}
	d.columns(columns...)
	for i := range rows[:min(len(rows), most)] {
		row := &rows[i]
		d.in(`<tr role="row"><th role="rowheader" scope="row">`, row.Path, "")
		d.in(" <small>", kindWords[row.Kind][d.lang], "</small></th>")
		d.apiCells(&row.Hour, columns[1:])
		if withToday {
			d.apiCells(&row.Today, columns[5:])
		}
		d.mark("</tr>")
	}
	d.mark("</tbody></table>")
	if more := len(rows) - most; more > 0 {
		d.in(`<p class="none">`, d.sayf(wordMore, grouped(uint64(more))), "</p>")
	}
	d.mark("</section>")
}

// apiCells adds what was called in some time.
func (d *document) apiCells(s *apis.Span, labels []phrase) {
	d.labelled(`<td role="cell" class="n" data-label="`, labels[0])
	d.number("", s.Calls, "</td>")
	d.labelled(`<td role="cell" class="n" data-label="`, labels[1])
	d.number("", s.Failed(), "")
	for _, f := range s.Failures[:min(len(s.Failures), maxErrcodes)] {
		d.in(" <small>", f.Name(), "")
		d.number(" ×&#8239;", f.N, "</small>")
	}
	d.mark("</td>")
	for i, within := range []time.Duration{s.P50, s.P95} {
		d.labelled(`<td role="cell" class="n" data-label="`, labels[2+i])
		words := "–"
		if s.Calls > 0 {
			words = d.roughly(within)
		}
		d.in("", words, "</td>")
	}
}

// failedCalls adds the last calls that failed, with a button for those of which WeChat can be
// asked.
func (d *document) failedCalls(calls []apis.FailedCall) {
	d.say(`<section aria-labelledby="failed"><h2 id="failed">`, wordFailedCalls, "</h2>")
	if len(calls) == 0 {
		d.say(`<p class="none">`, wordNoneFailed, "</p></section>")
		return
	}
	d.say(`<table class="cards failed" role="table"><caption>`, wordFailedCalls, "</caption>")
	d.columns(wordWhen, wordAccount, wordClient, wordAPI, wordWhy, wordIDs)
	for i := range calls {
		d.failedCall(&calls[i])
	}
	d.mark("</tbody></table></section>")
}

func (d *document) failedCall(f *apis.FailedCall) {
	d.in(`<tr role="row" id="failed-`, strconv.FormatInt(f.At.UnixNano(), 10), `"><th role="rowheader" scope="row">`)
	d.in("", f.At.Local().Format("01-02 15:04:05"), " <small>")
	d.moment(f.At)
	d.labelled(`</small></th><td role="cell" data-label="`, wordAccount)
	d.in("", f.Account, "</td>")
	d.labelled(`<td role="cell" data-label="`, wordClient)
	d.in("", cmp.Or(f.Client, "–"), "</td>")
	d.labelled(`<td role="cell" class="path" data-label="`, wordAPI)
	d.in("", f.Path, "</td>")
	d.labelled(`<td role="cell" class="why" data-label="`, wordWhy)
	d.whyFailed(f)
	d.mark("</td>")
	d.labelled(`<td role="cell" class="ids" data-label="`, wordIDs)
	if f.RequestID != "" {
		d.in("<small>X-Request-Id ", f.RequestID, "</small> ")
	}
	if f.Rid != "" && f.Kind != "wecom" {
		d.in("<small>rid ", f.Rid, `</small> <span class="script"><button id="ask-`)
		d.in("", strconv.FormatInt(f.At.UnixNano(), 10), `" data-of="`)
		d.in("", f.Account, `" data-rid="`)
		d.in("", f.Rid, `" aria-label="`)
		d.in("", d.sayf(wordAskAbout, f.Rid), `">`)
		d.say("", wordAskWeChat, "</button></span>")
	}
	d.mark("</td></tr>")
}

// quotation adds where the script shows what WeChat knows of a call.
func (d *document) quotation() {
	d.say(`<dialog id="call" aria-labelledby="call-title"><form method="dialog"><h2 id="call-title">`, wordWeChatKnows, `</h2><dl id="told"`)
	for _, one := range []struct {
		attribute markup
		words     phrase
	}{{"at", wordWhen}, {"cost", wordTookWeChat}, {"ip", wordFrom}, {"url", wordURL}, {"body", wordSent}, {"answer", wordAnswered}} {
		d.mark(` data-`)
		d.mark(one.attribute)
		d.say(`="`, one.words, `"`)
	}
	d.say(`></dl><p class="buttons"><button class="first">`, wordClose, "</button></p></form></dialog>")
}
