// Package admin answers an operator: whether the process works, whether it is
// ready, and how each account's token is. Nothing it says holds a token or a
// secret.
package admin

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"wxproxy/token"
)

// Admin is what the operator can ask about.
type Admin struct {
	Version  string
	Started  time.Time
	Accounts []Account
	Hosts    func() []Host
	InFlight func() int   // requests being answered
	Draining func() bool  // the process is about to end
	Key      token.Secret // asked for beyond loopback
	Public   bool         // the listener is reachable beyond loopback
}

// An Account is an account whose status can be asked for.
type Account struct {
	Name   string
	AppID  string
	Status func() token.Status
}

// A Host is one of WeChat's hosts.
type Host struct {
	URL    string    `json:"url"`
	State  string    `json:"state"`            // "up" or "down"
	Since  time.Time `json:"since"`            // when that began, in UTC
	Reason string    `json:"reason,omitempty"` // why it is down
}

// Handler returns the handler of the admin listener.
func (a *Admin) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", a.health)
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("GET /status", a.guarded(a.status))
	return mux
}

// guarded lets only those in who show the key, unless the listener is on
// loopback, where reading is free.
func (a *Admin) guarded(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		shown := strings.EqualFold(scheme, "bearer") && a.Key.Equal(strings.TrimSpace(key))
		if a.Public && !shown {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeJSON(w, http.StatusUnauthorized, map[string]string{"error": `send the header "Authorization: Bearer KEY" with admin.key`})
			return
		}
		next(w, r)
	})
}

func (a *Admin) health(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// ready says which accounts have no token, and why. One that nobody has called
// for a day needs none.
func (a *Admin) ready(w http.ResponseWriter, _ *http.Request) {
	answer := readiness{Ready: !a.Draining(), Draining: a.Draining()}
	for _, account := range a.Accounts {
		if status := account.Status(); status.State == token.StateGone && !status.Asleep {
			answer.Ready = false
			answer.Without = append(answer.Without, withoutToken{account.Name, lastError(status.LastError)})
		}
	}
	code := http.StatusOK
	if !answer.Ready {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, answer)
}

type readiness struct {
	Ready    bool           `json:"ready"`
	Draining bool           `json:"draining,omitempty"`
	Without  []withoutToken `json:"without_token,omitempty"`
}

type withoutToken struct {
	Name      string       `json:"name"`
	LastError *errorStatus `json:"last_error"`
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value) // a caller that left cannot be told
}
