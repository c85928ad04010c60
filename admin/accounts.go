package admin

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"wxproxy/internal/audit"
)

// tokenWait is how long an answer waits for WeChat. The refresh goes on afterwards.
const tokenWait = 8 * time.Second

// withAccount answers for the account that the path names.
func (a *Admin) withAccount(answer func(Account, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		account, err := a.find(r.PathValue("name"))
		if err != nil {
			writeError(w, http.StatusNotFound, err.Error())
			return
		}
		answer(account, w, r)
	}
}

// asking bounds how many requests wait for WeChat at a time. MaxConnections does not:
// a connection that was closed to make room leaves its request behind, still waiting.
func asking(next http.HandlerFunc) http.HandlerFunc {
	places := make(chan struct{}, 2*MaxConnections)
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			next(w, r)
		default:
			w.Header().Set("Retry-After", "1")
			writeError(w, http.StatusServiceUnavailable, "too many requests wait for WeChat; try again in a moment")
		}
	}
}

// account returns the configured account with this name, or else the only one with this
// app_id.
func (a *Admin) account(name string) (Account, bool) {
	i := slices.IndexFunc(a.Accounts, func(account Account) bool { return account.Name == name })
	if i < 0 {
		has := func(account Account) bool { return account.AppID == name }
		if i = slices.IndexFunc(a.Accounts, has); i >= 0 && slices.ContainsFunc(a.Accounts[i+1:], has) {
			return Account{}, false // several applications of one corp
		}
	}
	if i < 0 || name == "" {
		return Account{}, false
	}
	return a.Accounts[i], true
}

// lend hands out the account's token.
func (a *Admin) lend(account Account, w http.ResponseWriter, r *http.Request) {
	if account.Lend == nil {
		a.note(r, audit.RealToken, account.Name, audit.Refused)
		writeError(w, http.StatusForbidden, "the token of a platform is handed to nobody; programs call WeChat for it through the proxy")
		return
	}
	token, life, err := account.Lend(tokenWait)
	a.note(r, audit.RealToken, account.Name, outcome(err))
	if err != nil {
		writeError(w, unavailable(w, err), err.Error())
		return
	}
	writeJSON(w, http.StatusOK, struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}{token, wholeSeconds(life)})
}

// unavailable has the answer say when to come again for a token, and returns its
// status.
func unavailable(w http.ResponseWriter, err error) int {
	var later interface {
		error
		RetryAfter() time.Duration
	}
	if errors.As(err, &later) {
		w.Header().Set("Retry-After", strconv.FormatInt(secondsToWait(later.RetryAfter()), 10))
	}
	return http.StatusServiceUnavailable
}

// secondsToWait returns d as Retry-After has it.
func secondsToWait(d time.Duration) int64 { return max(1, int64(math.Ceil(d.Seconds()))) }
