package admin

import (
	"compress/gzip"
	_ "embed" // the page's own files
	"net/http"
	"strings"
	"time"

	"wxproxy/internal/audit"
)

//go:embed page.css
var pageCSS []byte

//go:embed page.js
var pageJS []byte

// A page of another site can neither frame this one nor make it load anything.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// showing lets in the requests that reading lets in, and has a browser ask its user
// for the key otherwise.
func (a *Admin) showing(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.isNobody(r) {
			if !a.hasKey() && !a.Public {
				a.refuse(w, r, audit.Read)
				return
			}
			a.resist(r) // of a browser that shows no key there is no line: it waits to be asked
			w.Header().Set("WWW-Authenticate", `Basic realm="wxproxy", charset="UTF-8"`)
			d := &document{lang: langOf(r)}
			d.head(0)
			d.say("<body><main><h1>wxproxy</h1><p>", wordLogin, "</p></main></body></html>\n")
			guard(w.Header(), "text/html; charset=utf-8")
			w.WriteHeader(http.StatusUnauthorized)
			w.Write(d.bytes.Bytes())
			return
		}
		next(w, r)
	})
}

// dashboard is /status for people.
func (a *Admin) dashboard(w http.ResponseWriter, r *http.Request) {
	d := &document{lang: langOf(r), now: time.Now()}
	accounts, counted, box := a.overview(filterOf(r), d.lang), a.Counted(), a.inboxNow(r)
	platforms := a.platformsNow(accounts.filter, d.lang)
	d.head(accounts.gone + looking("bad", platforms))
	d.mark(`<body><header><h1>wxproxy</h1>`)
	d.languageSwitch(r)
	d.mark(`</header><main id="main">`)
	a.summary(d, accounts, platforms, waitsLong(box, d.now))
	d.charts(a.Hour(), counted, a.weComNames())
	if len(a.Accounts) > 0 || len(platforms) == 0 {
		d.accounts(a, accounts)
	}
	d.platforms(a, accounts, platforms)
	d.pushes(a, r, box)
	if a.APIs != nil {
		d.apis(a.apisNow(), maxAPIs, false)
	}
	d.mark(`<div class="two">`)
	hosts := wordHosts
	if a.WrongSecrets != nil {
		hosts = wordBoth
	}
	d.hosts(a.Hosts(), hosts)
	d.clients(a.Clients, counted)
	d.mark("</div></main>")
	d.footer(!a.Key.Empty() || a.Public, wordRefresh)
	d.mark("</body></html>\n")
	writePage(w, r, d.bytes.Bytes())
}

// newPage returns a page below the first one, to which it leads back, as far as what is its own.
func newPage(r *http.Request, heading string) *document {
	d := &document{lang: langOf(r), now: time.Now()}
	d.head(0)
	d.in(`<body><header><h1>`, heading, "</h1>")
	d.languageSwitch(r)
	d.say(`</header><main id="main"><p><a href="./?lang=`, wordLang, `">`)
	d.say("← ", wordOverview, "</a></p>")
	return d
}

// writePage packs the page, which says the same of every account. It holds no
// secret that the packed length could give away.
func writePage(w http.ResponseWriter, r *http.Request, content []byte) {
	guard(w.Header(), "text/html; charset=utf-8")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Write(content)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	packer := gzip.NewWriter(w)
	_, _ = packer.Write(content) // a reader that left cannot be told
	_ = packer.Close()
}

// file answers with a file of the page.
func file(contentType string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		guard(w.Header(), contentType)
		w.Write(content)
	}
}

// guard sets the headers that say what a browser may do with the answer.
func guard(h http.Header, contentType string) {
	h.Set("Content-Type", contentType)
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// head adds what stands before the body of the page. The icon is red while an account has no
// token, or no call of a platform can go well: gone of them.
func (d *document) head(gone int) {
	d.say(`<!doctype html><html lang="`, wordLang, `"><head><meta charset="utf-8"><title>`)
	d.say("", wordTitle, "")
	icon := markup("%231f9d57")
	if gone > 0 {
		d.in(" (", counted(gone), ")")
		icon = "%23d93a2f"
	}
	d.mark(`</title><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">`)
	d.mark(`<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='`)
	d.mark(icon)
	d.mark(`'/%3E%3C/svg%3E"><link rel="stylesheet" href="page.css"><script src="page.js" defer></script>`)
	d.mark(`<noscript><meta http-equiv="refresh" content="15"></noscript></head>`)
}

// summary adds, in one line, how everything is, and what is known of the process.
func (a *Admin) summary(d *document, o *overview, platforms []platformNow, pushesWait bool) {
	ofPlatforms, look := d.platformHeadline(platforms)
	store, headline, class := a.Store(), wordAllWell[d.lang], markup("good")
	switch {
	case a.Draining():
		headline, class = wordDraining[d.lang], "fair"
	case o.gone > 0:
		headline, class = d.sayf(wordNoTokens, o.gone, len(a.Accounts)), "bad"
	case look == "bad":
		headline, class = ofPlatforms, look
	case allDown(a.Hosts()):
		headline, class = wordNoHosts[d.lang], "bad"
	case o.failing > 0:
		headline, class = d.sayf(wordProblems, o.failing, len(a.Accounts)), "fair"
	case !store.Up:
		headline, class = wordNoStore[d.lang], "fair"
	case pushesWait:
		headline, class = wordPushesWait[d.lang], "fair"
	case ofPlatforms != "":
		headline, class = ofPlatforms, look
	case a.Loaded().refused():
		headline, class = wordOldConfig[d.lang], "fair"
	}
	d.mark(`<p id="headline" role="status" class="`)
	d.mark(class)
	d.in(`">`, headline, "</p>")
	d.say(`<dl class="facts"><div><dt>`, wordAsOf, "</dt>")
	d.in("<dd>", d.now.Local().Format("15:04:05 -0700"), "</dd></div>")
	d.say("<div><dt>", wordUptime, "</dt>")
	d.in("<dd>", d.span(d.now.Sub(a.Started)), "</dd></div>")
	d.say("<div><dt>", wordInFlight, "</dt>")
	d.number("<dd>", uint64(a.InFlight()), "</dd></div>")
	d.wrongSecrets(a)
	d.store(store)
	d.loaded(a.ConfigHash(), a.Loaded())
	d.say("<div><dt>", wordVersion, "</dt>")
	d.in("<dd>", a.Version, "</dd></div></dl>")
}

// footer adds what the script needs: where it asks for the key, and where it
// says what became of a refresh. First is what the key is asked for.
func (d *document) footer(needsKey bool, first phrase) {
	d.mark(`<footer><a href="status">/status</a> <a href="metrics">/metrics</a></footer>`)
	d.say(`<p id="lost" role="alert" data-words="`, wordLost, `"></p>`)
	d.say(`<p id="outcome" role="status" data-asking="`, wordAsking, `"`)
	d.say(` data-done="`, wordDone, `"`)
	d.say(` data-unasked="`, wordUnasked, `"`)
	d.say(` data-slow="`, wordSlow, `"`)
	d.say(` data-refused="`, wordRefused, `"></p>`)
	d.mark(`<dialog id="ask" aria-labelledby="ask-title"`)
	if needsKey {
		d.mark(` data-needed=""`)
	}
	d.say(`><form method="dialog"><h2 id="ask-title">`, wordAskKey, "</h2>")
	d.say(`<label for="key">`, wordKey, `</label><input id="key" type="password" autocomplete="off" required aria-describedby="wrong kept">`)
	d.say(`<p id="wrong" role="alert" data-words="`, wordWrongKey, `"></p>`)
	d.say(`<p id="kept">`, wordKept, `</p><p class="buttons">`)
	d.say(`<button value="refresh" class="first">`, first, "</button> ") // the first is what Enter presses
	d.say(`<button value="cancel" formnovalidate>`, wordCancel, "</button></p></form></dialog>")
}
