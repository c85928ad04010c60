package admin

import (
	"net/http"
	"strings"
	"time"

	"wxproxy/internal/audit"
)

// Changes are what a reload has changed, by name: settings as "proxy.max_body", entries
// as "client orders".
type Changes struct {
	Added       []string `json:"added,omitempty"`
	Removed     []string `json:"removed,omitempty"`
	Changed     []string `json:"changed,omitempty"`
	AtNextStart []string `json:"at_next_start,omitempty"` // settings that wait for it, from this reload or an earlier one
	Warnings    []string `json:"warnings,omitempty"`      // remarks on what is in force now
}

// Loaded says how the configuration was read last.
type Loaded struct {
	At         time.Time // when that in force was read
	Tried      time.Time // when it was read last, well or not
	Successful bool      // the last time
	Mistakes   []string  // where they are, if it was not: the file and the setting
}

// refused reports whether what was read last is not in force.
func (l Loaded) refused() bool { return !l.Successful && !l.Tried.IsZero() }

// maxPlaces is how many places of mistakes the page names.
const maxPlaces = 5

// loaded adds which configuration is in force, and whether a later one was refused.
func (d *document) loaded(hash string, last Loaded) {
	d.say("<div><dt>", wordConfig, "</dt>")
	d.in("<dd>", hash, ", ")
	d.say("", wordRead, " ")
	d.moment(last.At)
	if last.refused() {
		d.say(` <span class="state bad">`, wordNotReloaded, "</span> ")
		d.moment(last.Tried)
		for i, place := range last.Mistakes[:min(len(last.Mistakes), maxPlaces)] {
			if i == 0 {
				d.say(" <small>", wordMistakeIn, "</small>")
			}
			d.in(" <small>", place, "</small>")
		}
		if more := len(last.Mistakes) - maxPlaces; more > 0 {
			d.in(" <small>", d.sayf(wordMore, grouped(uint64(more))), "</small>")
		}
		d.say("; ", wordGoesOn, "")
	}
	d.mark("</dd></div>")
}

// reload has the configuration read again. The answer to a bad one lists its
// mistakes, and the configuration before stays in force.
func (a *Admin) reload(w http.ResponseWriter, r *http.Request) {
	changes, err := a.Reload()
	a.note(r, audit.Reload, "", outcome(err))
	if err != nil {
		writeJSON(w, http.StatusUnprocessableEntity, map[string][]string{"mistakes": strings.Split(strings.TrimSpace(err.Error()), "\n")})
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Reloaded bool `json:"reloaded"`
		Changes
	}{true, changes})
}
