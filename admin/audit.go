package admin

import (
	"net/http"
	"strings"

	"wxproxy/internal/audit"
	"wxproxy/internal/origin"
	"wxproxy/internal/secret"
)

// note has the log say what the sender of r did about an account, or tried to. What is
// done with the key has a line each time; what anybody can do has one a minute.
func (a *Admin) note(r *http.Request, action, account, outcome string) {
	if a.Audit == nil {
		return
	}
	e := audit.Entry{
		Action: action, Key: a.keyOf(r), Account: a.known(account), Address: AddressOf(r, a.Trusted), Outcome: outcome, Listener: audit.Admin,
	}
	if e.Key == "" || outcome == audit.Refused {
		a.Audit.Often(e)
		return
	}
	a.Audit.Did(e)
}

// known returns the name of an account or a platform, "" for one that somebody made up. It
// asks no store.
func (a *Admin) known(name string) string {
	for i := range a.Platforms {
		if !a.Platforms[i].Loaded() {
			account, _ := a.account(name)
			return account.Name
		}
	}
	account, _ := a.find(strings.Replace(name, "/", ":", 1)) // as the inbox has it
	return account.Name
}

// keyOf returns the setting whose key r shows, "" if it shows none.
func (a *Admin) keyOf(r *http.Request) string {
	for _, key := range []struct {
		setting string
		value   secret.Secret
	}{{"admin.key", a.Key}, {"admin.key_old", a.KeyOld}, {"admin.read_key", a.ReadKey}} {
		if ShowsKey(r, key.value) {
			return key.setting
		}
	}
	return ""
}

// outcome returns how the audit calls what came of something.
func outcome(err error) string {
	if err != nil {
		return audit.Failed
	}
	return audit.Done
}

// AddressOf returns from where a request came, without the port, also behind web
// servers that are trusted.
func AddressOf(r *http.Request, trusted origin.Trusted) string {
	return trusted.Of(r.RemoteAddr, r.Header.Values("X-Forwarded-For"))
}
