package admin

import (
	"net/http"
	"strings"
)

// reading lets in who shows the key, and on loopback, where reading is free,
// everybody.
func (a *Admin) reading(next http.HandlerFunc) http.Handler {
	return a.guarded(next, a.Public)
}

// changing lets in who shows the key, and on loopback everybody, as long as there
// is no key. A page of another site in an operator's browser is nobody.
func (a *Admin) changing(next http.HandlerFunc) http.Handler {
	return http.NewCrossOriginProtection().Handler(a.guarded(next, a.Public || !a.Key.Empty()))
}

// telling lets in who shows the key, and nobody as long as there is none: what
// next tells is not for everybody on this machine.
func (a *Admin) telling(next http.HandlerFunc) http.Handler {
	if !a.Key.Empty() {
		return a.guarded(next, true)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusForbidden, "this takes admin.key, and none is configured")
	})
}

func (a *Admin) guarded(next http.HandlerFunc, needsKey bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		shown := strings.EqualFold(scheme, "bearer") && a.Key.Equal(strings.TrimSpace(key))
		if needsKey && !shown {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeError(w, http.StatusUnauthorized, `send the header "Authorization: Bearer KEY" with admin.key`)
			return
		}
		next(w, r)
	})
}

func writeError(w http.ResponseWriter, code int, text string) {
	writeJSON(w, code, map[string]string{"error": text})
}
