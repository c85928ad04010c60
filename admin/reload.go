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
}

// Loaded says how the configuration was read last.
type Loaded struct {
	At         time.Time // when that in force was read
	Tried      time.Time // when it was read last, well or not
	Successful bool      // the last time
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
