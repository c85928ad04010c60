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
		d.mark(p.look())
		d.say(`">`, platformWords[p.State], "</span>")
		if len(a.Accounts) == 0 && i == 0 { // where there are accounts, theirs filters both
			d.filterForm(o)
		}
		d.in(`<p class="shown" role="status">`, d.shown(p.filter, len(p.rows), p.matching, p.all()), "</p></div>")
		d.platformFacts(p)
		d.authorizers(p, len(platforms) > 1)
		d.mark("</section>")
	}
}

// platformFacts adds how a platform is, and what to do about it.
func (d *document) platformFacts(p *platformNow) {
	if e := p.Problem; e.Reason != "" {
		d.mark(`<p class="trouble `)
		d.mark(p.look())
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
	d.in(`<table class="cards authorizers" role="table"><caption>`, caption, "</caption>")
	d.mark(`<thead role="rowgroup"><tr role="row">`)
	for _, word := range []phrase{wordAccount, wordState, wordExpires, wordAuthorized} {
		d.say(`<th role="columnheader" scope="col">`, word, "</th>")
	}
	d.say(`<th role="columnheader" scope="col" class="script"><span class="unseen">`, wordRefresh, `</span></th></tr></thead><tbody role="rowgroup">`)
	above := token.Explanation{}
	for _, row := range p.rows {
		name := row.AppID
		if qualified {
			name = p.Component.Name + ":" + name
		}
		d.authorizer(name, row, above)
		above = row.Problem
	}
	d.mark("</tbody></table>")
}

// authorizer adds a row, and another one if something is wrong. What a person has just read
// of the account above is not said again: a thousand accounts may lack the same.
func (d *document) authorizer(name string, s platform.AuthorizerStatus, above token.Explanation) {
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
	if isBad && s.Problem.Reason != "" && s.Problem != above {
		d.mark(`<tr role="row" class="failing problem `)
		d.mark(look)
		d.in(`" id="problem-`, name, `"><td role="cell" colspan="5">`)
		d.problemReason(s.Problem)
		if s.Problem.Code != above.Code || s.Problem.Remedy != above.Remedy {
			d.remedy(s.Problem)
		}
		d.mark("</td></tr>")
	}
}

// explanation adds what is wrong and what to do about it.
func (d *document) explanation(e token.Explanation) {
	d.problemReason(e)
	d.remedy(e)
}

func (d *document) problemReason(e token.Explanation) {
	if e.Code != 0 {
		d.in("<b>", d.sayf(wordErrcode, e.Code), "</b> ")
	}
	d.in("<span>", e.Reason, "</span>")
}

func (d *document) remedy(e token.Explanation) {
	d.say(` <span class="remedy"><b>`, wordRemedy, "</b>")
	d.in("", phrase{e.Remedy, e.RemedyZH}[d.lang], "</span>")
}

// look returns the class that gives the state of the platform its looks. One that fails is in
// as bad a way as one without a ticket if no call can go well: it has no token, or WeChat
// objects to what is configured, which does not pass by itself.
func (p *platformNow) look() markup {
	if p.State == platform.StateFailing && (IsGone(p.Token) || p.Problem.Class == token.ClassConfiguration) {
		return "bad"
	}
	if p.State == platform.StateReady && p.Problem.Reason != "" {
		return "fair"
	}
	return lookOf(p.State)
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

// platformHeadline returns what is to be said of platforms before anything else; "" if all
// of them are well.
func (d *document) platformHeadline(platforms []platformNow) (words string, class markup) {
	if n := isIn(platform.StateNoTicket, platforms); n > 0 {
		return d.sayf(wordNoTicket, counted(n)), "bad"
	}
	if n := isIn(platform.StateFailing, platforms); n > 0 {
		if looking("bad", platforms) > 0 {
			return d.sayf(wordPlatformFail, counted(n)), "bad"
		}
		return d.sayf(wordPlatformFail, counted(n)), "fair"
	}
	if n := looking("fair", platforms); n > 0 { // ready, and yet there is a problem
		return d.sayf(wordTicketLate, counted(n)), "fair"
	}
	if n, all := troubled(platforms); n > 0 {
		return d.sayf(wordAuthProblems, counted(n), counted(all)), "fair"
	}
	return "", ""
}
