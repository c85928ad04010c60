package admin

import (
	"time"

	"wxproxy/platform"
	"wxproxy/token"
)

// platforms adds a section for each platform.
func (d *document) platforms(a *Admin, o *overview, platforms []platformNow) {
	for i := range platforms {
		p := &platforms[i]
		name := p.Component.Name
		d.in(`<section id="platform-`, name, `" aria-labelledby="platform-`)
		d.in("", name, `-title"><div class="bar"><h2 id="platform-`)
		d.in("", name, `-title">`)
		d.say("", wordPlatform, " ")
		d.in("", name, ` <small>`)
		d.in("", p.Component.AppID, `</small></h2><span class="state `)
		d.mark(lookOf(p.State))
		d.say(`">`, platformWords[p.State], "</span>")
		if len(a.Accounts) == 0 && i == 0 { // where there are accounts, theirs filters both
			d.filterForm(o, 0)
		}
		d.mark("</div>")
		d.platformFacts(p)
		d.authorizers(p, len(platforms) > 1)
		d.mark("</section>")
	}
}

// platformFacts adds how a platform is, and what to do about it.
func (d *document) platformFacts(p *platformNow) {
	if e := p.Problem; e.Reason != "" {
		d.mark(`<p class="trouble `)
		d.mark(lookOf(p.State))
		d.mark(`">`)
		d.explanation(e)
		d.mark("</p>")
	}
	d.say(`<dl class="facts"><div><dt>`, wordTicketCame, "</dt><dd>")
	d.momentOr(p.TicketArrived, wordNone)
	d.say("</dd></div><div><dt>", wordOwnToken, "</dt><dd>")
	d.moment(p.Token.Expires)
	d.say("</dd></div><div><dt>", wordListRead, "</dt><dd>")
	d.momentOr(p.ListedAt, wordNeverRead)
	d.say("</dd></div><div><dt>", wordEventsWait, "</dt><dd>")
	d.in("", counted(p.Waiting), "</dd></div>")
	d.say("<div><dt>", wordCallsHour, "</dt><dd>")
	d.number("", uint64(sumOf(p.Hour()).Requests+sumOf(p.Component.Hour()).Requests), "</dd></div>")
	for _, state := range authorizerStates {
		d.say("<div><dt>", platformWords[state], "</dt><dd>")
		d.in("", counted(p.Authorizers[state]), "</dd></div>")
	}
	d.mark("</dl>")
}

// momentOr adds a time, or words if there is none.
func (d *document) momentOr(t time.Time, otherwise phrase) {
	if t.IsZero() {
		d.say("", otherwise, "")
		return
	}
	d.moment(t)
}

// authorizers adds the table of those that match the filter.
func (d *document) authorizers(p *platformNow, qualified bool) {
	none := wordNoneMatch
	switch {
	case !p.Status.Loaded:
		none = wordNotLoaded
	case p.all() == 0:
		none = wordNoAuthorizer
	}
	if len(p.rows) == 0 {
		d.say(`<p class="none">`, none, "</p>")
		return
	}
	caption := d.sayf(wordAuthorizers, p.Component.Name)
	d.in(`<table class="cards" role="table"><caption>`, caption, "</caption>")
	d.mark(`<thead role="rowgroup"><tr role="row">`)
	for _, word := range []phrase{wordAccount, wordState, wordExpires, wordAuthorized} {
		d.say(`<th role="columnheader" scope="col">`, word, "</th>")
	}
	d.say(`<th role="columnheader" scope="col" class="script"><span class="unseen">`, wordRefresh, `</span></th></tr></thead><tbody role="rowgroup">`)
	for _, row := range p.rows {
		name := row.AppID
		if qualified {
			name = p.Component.Name + ":" + name
		}
		d.authorizer(name, row)
	}
	d.mark("</tbody></table>")
	switch {
	case p.matching > len(p.rows):
		d.in(`<p class="none">`, d.sayf(wordShown, counted(len(p.rows)), counted(p.matching)), "</p>")
	case p.filter != "":
		d.in(`<p class="none">`, d.sayf(wordMatching, counted(p.matching), counted(p.all())), "</p>")
	}
}

// authorizer adds a row, and another one if something is wrong.
func (d *document) authorizer(name string, s platform.AuthorizerStatus) {
	look := lookOf(s.State)
	isBad := look == "bad" || look == "fair"
	d.in(`<tr role="row" id="authorizer-`, name, `"`)
	if isBad {
		d.mark(` class="failing `)
		d.mark(look)
		d.mark(`"`)
	}
	d.in(`><th role="rowheader" scope="row">`, s.AppID, "</th>")
	d.mark(`<td role="cell" class="pill"><span class="state `)
	d.mark(look)
	d.say(`">`, platformWords[s.State], "</span></td>")
	d.labelled(`<td role="cell" data-label="`, wordExpires)
	d.moment(s.Expires)
	d.labelled(`</td><td role="cell" data-label="`, wordAuthorized)
	d.moment(s.Authorized)
	d.in(`</td><td role="cell" class="script"><button id="refresh-`, name, `"`)
	d.in(` data-account="`, name, `" aria-label="`)
	d.in("", d.sayf(wordRefreshOf, name), `">`)
	d.say("", wordRefresh, "</button></td></tr>")
	if isBad && s.Problem.Reason != "" {
		d.mark(`<tr role="row" class="failing problem `)
		d.mark(look)
		d.in(`" id="problem-`, name, `"><td role="cell" colspan="5">`)
		d.explanation(s.Problem)
		d.mark("</td></tr>")
	}
}

// explanation adds what is wrong and what to do about it.
func (d *document) explanation(e token.Explanation) {
	if e.Code != 0 {
		d.in("<b>", d.sayf(wordErrcode, e.Code), "</b> ")
	}
	d.in("<span>", e.Reason, "</span>")
	d.say(` <span class="remedy"><b>`, wordRemedy, "</b>")
	d.in("", phrase{e.Remedy, e.RemedyZH}[d.lang], "</span>")
}

// lookOf returns the class that gives the state of a platform, or of an authorizer, its
// looks. An account that has ended its authorization is at rest.
func lookOf(state string) markup {
	switch state {
	case platform.StateReady:
		return "good"
	case platform.StateNoTicket, platform.StateNeedsAuthorization:
		return "bad"
	case platform.StateUnauthorized:
		return "idle"
	}
	return "fair"
}
