package admin

import (
	"net/http"
	"strings"

	"wxproxy/internal/audit"
)

// reload has the configuration read again. The answer to a bad one lists its
// mistakes, and the configuration before stays in force.
func (a *Admin) reload(w http.ResponseWriter, r *http.Request) {
	late, err := a.Reload()
	a.note(r, audit.Reload, "", outcome(err))
	if err != nil {
		writeJSON(w, http.StatusUnprocessableEntity, map[string][]string{"mistakes": strings.Split(strings.TrimSpace(err.Error()), "\n")})
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Reloaded bool     `json:"reloaded"`
		Late     []string `json:"at_next_start,omitempty"`
	}{true, late})
}
