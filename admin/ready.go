package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
)

// readiness is the answer of /readyz.
type readiness struct {
	Ready    bool           `json:"ready"`
	Draining bool           `json:"draining,omitempty"`
	Without  []withoutToken `json:"without_token,omitempty"`
	Unread   []withoutToken `json:"platforms_not_loaded,omitempty"` // whose accounts the store has not told yet
}

type withoutToken struct {
	Name      string       `json:"name"`
	LastError *errorStatus `json:"last_error"`
}

// ready answers whether requests are taken, and whether one account has a token, or
// all have, or the one that is asked for has. Those who may read /status are also told
// which accounts have none, and why. An account that nobody has called for a day needs
// none, nor do a platform and those that have authorized it: one without a ticket, or which
// merchants have left, is no fault of this process. What the store has of them must be known.
func (a *Admin) ready(w http.ResponseWriter, r *http.Request) {
	of, err := askedOf(r)
	if err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	accounts := a.Accounts
	if of.one {
		account, err := a.find(of.account)
		if err != nil {
			writeError(w, http.StatusNotFound, err.Error())
			return
		}
		accounts = a.judged(account)
	}
	answer := readiness{Draining: a.Draining()}
	for _, account := range accounts {
		if status := account.Status(); IsGone(status) {
			answer.Without = append(answer.Without, withoutToken{account.Name, lastError(status)})
		}
	}
	wanting := len(answer.Without)
	hasOne := wanting < len(accounts) || len(a.Platforms) > 0 && !of.one
	answer.Ready = !answer.Draining && a.isLoaded() && (wanting == 0 || hasOne && !of.all)
	if a.isNobody(r) {
		answer.Without = nil // a reason can name this machine's public address
	} else {
		answer.Unread = a.unreadPlatforms()
	}
	code := http.StatusOK
	if !answer.Ready {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, answer)
}

// judged returns the account if its token decides over readiness.
func (a *Admin) judged(account Account) []Account {
	if _, isConfigured := a.account(account.Name); isConfigured {
		return []Account{account}
	}
	return nil
}

// isLoaded reports whether what the store has of platforms is known.
func (a *Admin) isLoaded() bool {
	return !slices.ContainsFunc(a.Platforms, func(p Platform) bool { return !p.Loaded() })
}

// unreadPlatforms returns those platforms of which that is not known, and why.
func (a *Admin) unreadPlatforms() (all []withoutToken) {
	for i := range a.Platforms {
		if p := &a.Platforms[i]; !p.Loaded() {
			all = append(all, withoutToken{p.Component.Name, errorOf(p.Status().Problem)})
		}
	}
	return all
}

// A question says which accounts /readyz is asked about: any, all, or one.
type question struct {
	all, one bool
	account  string // its name or app_id
}

// These errors say why a question about readiness has no answer.
var (
	errAll = errors.New("all=1 asks whether every account has a token, account=NAME whether that one has; " +
		"without them one of all is enough; use one of the two, once")
	errNotEncoded = errors.New("the query is not percent-encoded as it should be")
)

func askedOf(r *http.Request) (of question, err error) {
	asked, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return of, errNotEncoded
	}
	all, account := asked["all"], asked["account"]
	if len(all)+len(account) > 1 || len(all) > 0 && all[0] != "1" {
		return of, errAll
	}
	of.all, of.one = len(all) > 0, len(account) > 0
	of.account = asked.Get("account")
	return of, nil
}
