package admin

import (
	"strconv"
	"strings"
	"time"

	"wxproxy/proxy/traffic"
	"wxproxy/token"
)

// Roles are written down although they are the elements' own: on a phone the
// table is shown as a list, and then some browsers forget them.

// accounts adds the table of those that match the filter.
func (d *document) accounts(a *Admin, o *overview) {
	d.say(`<section aria-labelledby="accounts"><div class="bar"><h2 id="accounts">`, wordAccounts, "</h2>")
	d.filterForm(o)
	d.in(`<p class="shown" role="status">`, d.shown(o.filter, len(o.rows), o.matching, len(a.Accounts)), "</p></div>")
	if len(o.rows) == 0 {
		d.say(`<p class="none">`, wordNoneMatch, "</p></section>")
		return
	}
	d.accountTable(o.rows)
	d.mark("</section>")
}

// accountTable adds a table of accounts.
func (d *document) accountTable(rows []accountNow) {
	d.say(`<table class="cards" role="table"><caption>`, wordAccounts, `</caption><thead role="rowgroup"><tr role="row">`)
	for _, word := range []phrase{wordAccount, wordToken, wordExpires, wordRefreshed, wordNext} {
		d.say(`<th role="columnheader" scope="col">`, word, "</th>")
	}
	for _, word := range []phrase{wordFetches, wordRejections, wordHour} {
		d.say(`<th role="columnheader" scope="col" class="n">`, word, "</th>")
	}
	d.say(`<th role="columnheader" scope="col" class="script"><span class="unseen">`, wordRefresh, `</span></th></tr></thead><tbody role="rowgroup">`)
	for _, row := range rows {
		d.account(row, row.Hour())
	}
	d.mark("</tbody></table>")
}

// filterForm adds the box that filters, which needs no script.
func (d *document) filterForm(o *overview) {
	d.mark(`<form role="search">`)
	d.say(`<input type="hidden" name="lang" value="`, wordLang, `">`)
	d.say(`<input id="q" type="search" name="q" maxlength="100" autocomplete="off" spellcheck="false" aria-label="`, wordFilter, `"`)
	d.say(` placeholder="`, wordFilter, `"`)
	d.in(` value="`, o.filter, `">`)
	d.say(`<button class="scriptless">`, wordDoFilter, "</button></form>")
}

// shown says how many accounts of all match the filter, and how many of them are shown, if
// that is worth a word.
func (d *document) shown(filter string, rows, matching, all int) string {
	switch {
	case matching > rows:
		return d.sayf(wordShown, counted(rows), counted(matching))
	case filter != "":
		return d.sayf(wordMatching, counted(matching), counted(all))
	}
	return ""
}

// account adds a row, and another one if something is wrong.
func (d *document) account(a accountNow, hour []traffic.Minute) {
	d.in(`<tr role="row" id="account-`, a.Name, `"`)
	if a.hasProblem() {
		d.mark(` class="failing `)
		d.mark(a.look())
		d.mark(`"`)
	}
	d.in(`><th role="rowheader" scope="row"><a href="`, d.accountPage(a.Name), `">`)
	d.in("", a.Name, "</a>")
	d.in(" <small>", d.knownAs(&a.Account), "</small></th>")
	d.mark(`<td role="cell" class="pill"><span class="state `)
	d.mark(a.look())
	d.say(`">`, stateWord(a.Status), "</span></td>")
	d.moments(a.Status, a.tickets)
	d.labelled(`<td role="cell" class="n" data-label="`, wordFetches)
	d.number("", uint64(a.FetchesToday), "</td>")
	d.labelled(`<td role="cell" class="n" data-label="`, wordRejections)
	d.number("", uint64(a.Rejections), "</td>")
	d.labelled(`<td role="cell" class="n hour" data-label="`, wordHour)
	d.sparkline(hour)
	d.number("<span>", uint64(sumOf(hour).Requests), "</span></td>")
	d.in(`<td role="cell" class="script"><button id="refresh-`, a.Name, `"`)
	d.in(` data-account="`, a.Name, `" aria-label="`)
	d.in("", d.sayf(wordRefreshOf, a.Name), `">`)
	d.say("", wordRefresh, "</button></td></tr>")
	d.problems(a)
}

// knownAs returns what the issuer knows the account by.
func (d *document) knownAs(a *Account) string {
	if a.CorpID == "" {
		return a.AppID
	}
	return strings.TrimRight(wordWeCom[d.lang]+" "+a.CorpID+" "+a.AgentID, " ")
}

// problems adds a row for each thing that is wrong with the account above.
func (d *document) problems(a accountNow) {
	if a.LastError != nil {
		d.problem(a, "", a.Problem())
	}
	for _, t := range a.tickets {
		if t.LastError != nil {
			d.problem(a, t.Type, t.Problem())
		}
	}
	for _, r := range a.refusals {
		d.refusal(a, r)
	}
}

// refusal adds a row that says which errcode calls for the account above were answered
// with, and what to do about it.
func (d *document) refusal(a accountNow, r Refusal) {
	d.mark(`<tr role="row" class="failing problem `)
	d.mark(a.look())
	d.in(`" id="problem-`, a.Name, "")
	d.in(":", strconv.Itoa(r.Code), `"><td role="cell" colspan="9">`)
	d.in("<b>", d.sayf(wordErrcode, r.Code), "</b> <span>")
	d.in("", d.sayf(wordRefusals, grouped(r.Count)), " ")
	d.moment(r.LastAt)
	d.mark("</span>")
	d.remedy(r.Explanation)
	d.mark("</td></tr>")
}

// moments adds when the token and the tickets expire, and when the token came and
// is replaced.
func (d *document) moments(s token.Status, tickets []token.TicketStatus) {
	if s.State == token.StateGone {
		s.Expires = time.Time{}
	}
	d.labelled(`<td role="cell" data-label="`, wordExpires)
	d.moment(s.Expires)
	for _, t := range tickets {
		d.in(" <small>", d.sayf(wordTicket, t.Type), " ")
		d.moment(t.Expires)
		d.mark("</small>")
	}
	d.labelled(`</td><td role="cell" data-label="`, wordRefreshed)
	d.moment(s.RefreshedAt)
	d.labelled(`</td><td role="cell" data-label="`, wordNext)
	if s.Asleep || s.NextRefresh.IsZero() || s.NextRefresh.After(d.now) {
		d.moment(s.NextRefresh)
	} else {
		d.say("", wordNow, "")
	}
	d.mark("</td>")
}

// labelled begins a cell that knows its column's name, for phones.
func (d *document) labelled(before markup, label phrase) { d.say(before, label, `">`) }

// problem adds a row that says what is wrong with the token of the account above,
// or with a ticket of this type, and what to do about it.
func (d *document) problem(a accountNow, ticket string, e token.Explanation) {
	d.mark(`<tr role="row" class="failing problem `)
	d.mark(a.look())
	d.in(`" id="problem-`, a.Name, "")
	if ticket != "" {
		d.in(":", ticket, "")
	}
	d.mark(`"><td role="cell" colspan="9">`)
	if ticket != "" {
		d.in("<b>", d.sayf(wordTicket, ticket), "</b> ")
	}
	d.explanation(e)
	d.mark("</td></tr>")
}
