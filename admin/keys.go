package admin

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"wxproxy/internal/audit"
	"wxproxy/internal/secret"
)

// reading lets in requests that show the key, and on loopback, where reading is free,
// all requests.
func (a *Admin) reading(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.isNobody(r) {
			a.refuse(w, r, audit.Read)
			return
		}
		next(w, r)
	})
}

// isNobody reports whether the sender of r may not read /status.
func (a *Admin) isNobody(r *http.Request) bool { return a.isStrange(r) && !a.mayRead(r) }

// isStrange reports whether r needs the key for everything: it may come from another
// machine, or from a page of another site whose name was made to lead here
// (DNS rebinding).
func (a *Admin) isStrange(r *http.Request) bool {
	return a.Public || !a.Socket && !isOwnHost(r.Host)
}

// isOwnHost reports whether host is an address or localhost, with a port or
// without: no site has a name like that.
func isOwnHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || strings.EqualFold(host, "localhost")
}

// mayRead reports whether r shows a key, as a program does or as a browser does: as
// the password of a user of any name. A browser sends that password by itself,
// whatever page makes it ask; so it is good for reading alone.
func (a *Admin) mayRead(r *http.Request) bool { return ShowsKey(r, a.Key, a.KeyOld, a.ReadKey) }

// ShowsKey reports whether r shows one of the keys in either way.
func ShowsKey(r *http.Request, keys ...secret.Secret) bool {
	_, password, _ := r.BasicAuth()
	return isOneOf(bearer(r), keys) || isOneOf(password, keys)
}

// isOneOf reports whether one of the keys is as shown. It compares all of them, so
// that the time does not tell which one it is.
func isOneOf(shown string, keys []secret.Secret) (found bool) {
	for _, key := range keys {
		if key.Equal(shown) {
			found = true
		}
	}
	return found
}

// hasKey reports whether there is any key to be shown.
func (a *Admin) hasKey() bool { return !a.Key.Empty() || !a.ReadKey.Empty() }

// bearer returns the key that r shows as programs do; "" if it shows none.
func bearer(r *http.Request) string {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// changing lets in requests that show the key, and on loopback, as long as there is
// no key, all requests but those that a page of another site has a browser send.
func (a *Admin) changing(action string, next http.HandlerFunc) http.Handler {
	if !a.Public && a.Key.Empty() {
		return http.NewCrossOriginProtection().Handler(a.guardedByName(action, next))
	}
	return http.NewCrossOriginProtection().Handler(a.guarded(action, next))
}

// telling lets in requests that show the key, and none as long as there is no key:
// what next tells is not for everybody on this machine.
func (a *Admin) telling(action string, next http.HandlerFunc) http.Handler {
	if !a.Key.Empty() {
		return a.guarded(action, next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.note(r, action, r.PathValue("name"), audit.Refused)
		writeError(w, http.StatusForbidden, "this takes admin.key, and none is configured")
	})
}

// profiling does as telling does, and has the log say who gets a profile of the process:
// its memory holds secrets.
func (a *Admin) profiling(next http.HandlerFunc) http.Handler {
	return a.telling(audit.Profile, func(w http.ResponseWriter, r *http.Request) {
		a.note(r, audit.Profile, "", audit.Done) // before it is sent, which may take its time
		next(w, r)
	})
}

// guarded lets in requests that show the key. Who shows the one for reading gets 403.
func (a *Admin) guarded(action string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case a.shows(r):
			next(w, r)
		case a.ReadKey.Equal(bearer(r)):
			a.note(r, action, r.PathValue("name"), audit.Refused)
			writeError(w, http.StatusForbidden, "admin.read_key is for reading alone; this takes admin.key")
		default:
			a.refuse(w, r, action)
		}
	})
}

// guardedByName does that for requests that name another host than this machine, and
// lets in all others.
func (a *Admin) guardedByName(action string, next http.HandlerFunc) http.Handler {
	guarded := a.guarded(action, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.isStrange(r) {
			guarded.ServeHTTP(w, r)
			return
		}
		next(w, r)
	})
}

// shows reports whether r shows the key, or the one before, as programs do, and this
// package's page.
func (a *Admin) shows(r *http.Request) bool {
	return isOneOf(bearer(r), []secret.Secret{a.Key, a.KeyOld})
}

// errStrange is what a page is told that made its own name lead here.
const errStrange = "without admin.key this listener answers only for an IP address or localhost as Host: a page of another site could have made " +
	"this name lead here (DNS rebinding). Use http://127.0.0.1 with the port, or set admin.key and send it"

// keysFor returns the keys in words that are good for action.
func (a *Admin) keysFor(action string) string {
	switch {
	case action != audit.Read || a.ReadKey.Empty():
		return "admin.key"
	case a.Key.Empty():
		return "admin.read_key"
	}
	return "admin.key or admin.read_key"
}

// refuse asks for a key that is good for action, and has the log say who tried what
// without it. If none is configured, the reason is the name in Host.
func (a *Admin) refuse(w http.ResponseWriter, r *http.Request, action string) {
	if !a.hasKey() || !a.showsWrongKey(r) {
		a.note(r, action, r.PathValue("name"), audit.Refused)
	}
	if !a.Public && !a.hasKey() {
		writeError(w, http.StatusForbidden, errStrange)
		return
	}
	a.resist(r)
	w.Header().Set("WWW-Authenticate", "Bearer")
	writeError(w, http.StatusUnauthorized, `send the header "Authorization: Bearer KEY" with `+a.keysFor(action))
}

// showsWrongKey reports whether r shows a key that is none.
func (a *Admin) showsWrongKey(r *http.Request) bool {
	_, shown, _ := r.BasicAuth()
	if key := bearer(r); key != "" {
		shown = key
	}
	return shown != "" && !isOneOf(shown, []secret.Secret{a.Key, a.KeyOld, a.ReadKey})
}

// resist makes guessing the key slow. A request that shows none guesses nothing.
func (a *Admin) resist(r *http.Request) {
	if a.showsWrongKey(r) {
		a.note(r, audit.WrongKey, "", audit.Refused)
		a.WrongKey(r)
	}
}

func writeError(w http.ResponseWriter, code int, text string) {
	writeJSON(w, code, map[string]string{"error": text})
}
