package admin

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"
)

const (
	// tokenWait is how long an answer waits for WeChat. The refresh goes on behind it.
	tokenWait = 8 * time.Second

	// maxAsk bounds what a request to the admin listener may say.
	maxAsk = 4 << 10
)

// withAccount answers for the account that the path names.
func (a *Admin) withAccount(answer func(Account, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, account := range a.Accounts {
			if account.Name == r.PathValue("name") {
				answer(account, w, r)
				return
			}
		}
		writeError(w, http.StatusNotFound, "there is no account of this name")
	}
}

// refresh has WeChat asked for the account's token, unless the program that asks
// for that failed with an earlier one. The answer is the account's status.
func refresh(account Account, w http.ResponseWriter, r *http.Request) {
	var ask struct {
		AccessToken string `json:"access_token"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAsk)).Decode(&ask)
	if err != nil && !errors.Is(err, io.EOF) {
		writeError(w, http.StatusBadRequest, `the body is empty, or {"access_token":"the one that failed"}`)
		return
	}
	code := http.StatusOK
	if err := account.Refresh(ask.AccessToken, tokenWait); err != nil {
		code = unavailable(w, err)
	}
	writeJSON(w, code, describe(account, time.Now()))
}

// lend hands out the account's token, and has the log say so.
func (a *Admin) lend(account Account, w http.ResponseWriter, r *http.Request) {
	token, life, err := account.Lend(tokenWait)
	if err != nil {
		writeError(w, unavailable(w, err), err.Error())
		return
	}
	a.Log.Info("WeChat's own token was handed out to an operator", "account", account.Name, "address", addressOf(r))
	writeJSON(w, http.StatusOK, struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}{token, wholeSeconds(life)})
}

// unavailable says when to come again for a token, and returns the status for
// that.
func unavailable(w http.ResponseWriter, err error) int {
	var later interface {
		error
		RetryAfter() time.Duration
	}
	if errors.As(err, &later) {
		seconds := max(1, int64(math.Ceil(later.RetryAfter().Seconds())))
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	return http.StatusServiceUnavailable
}
