package admin

import (
	"net/http"
	"strings"
)

// reading lets in who shows the key, and on loopback, where reading is free,
// everybody.
func (a *Admin) reading(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.Public && !a.mayRead(r) {
			refuse(w)
			return
		}
		next(w, r)
	})
}

// mayRead reports whether r shows the key, as a program does or as a browser: the
// password of a user, whoever that is. A browser sends that password by itself,
// whatever page makes it ask; so it is good for reading alone.
func (a *Admin) mayRead(r *http.Request) bool {
	_, password, _ := r.BasicAuth()
	return a.shows(r) || a.Key.Equal(password)
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
		if needsKey && !a.shows(r) {
			refuse(w)
			return
		}
		next(w, r)
	})
}

// shows reports whether r shows the key as programs do, and this package's page.
func (a *Admin) shows(r *http.Request) bool {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "bearer") && a.Key.Equal(strings.TrimSpace(key))
}

func refuse(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	writeError(w, http.StatusUnauthorized, `send the header "Authorization: Bearer KEY" with admin.key`)
}

func writeError(w http.ResponseWriter, code int, text string) {
	writeJSON(w, code, map[string]string{"error": text})
}
