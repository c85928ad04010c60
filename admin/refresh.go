package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"wxproxy/internal/audit"
	"wxproxy/token"
)

// maxAsk bounds what a request to the admin listener may say.
const maxAsk = 4 << 10

// refresh has WeChat asked for the account's token, unless the program that asks for
// it failed with an earlier token than the present one; or, by force, it has WeChat
// replace the token. The answer is the account's status, and whether WeChat was asked.
func (a *Admin) refresh(account Account, w http.ResponseWriter, r *http.Request) {
	ask, err := readAsk(w, r)
	if err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	if ask.force && account.Replace == nil {
		a.note(r, audit.RefreshByForce, account.Name, audit.Refused)
		writeError(w, http.StatusBadRequest, errNoForce.Error())
		return
	}
	answer := refreshAnswer{}
	if ask.force {
		err = account.Replace(tokenWait)
		a.note(r, audit.RefreshByForce, account.Name, outcome(err))
	} else {
		var asked bool
		asked, err = account.Refresh(ask.failed, tokenWait)
		answer.Asked = &asked
		a.note(r, audit.Refresh, account.Name, refreshed(asked, err))
	}
	if limit, ok := errors.AsType[*token.Limit](err); ok {
		unavailable(w, err)
		writeError(w, http.StatusTooManyRequests, fmt.Sprintf("%s; come again in %d s", limit.Error(), secondsToWait(limit.Retry)))
		return
	}
	code := http.StatusOK
	if err != nil {
		code = unavailable(w, err)
	}
	answer.accountStatus = describe(account, time.Now())
	answer.Pushes = a.pushesOf(account.Name, a.inboxNow(r))
	writeJSON(w, code, answer)
}

// refreshLazy refreshes a token that may not have been wanted yet, so that the store was not
// read: what is in it is no answer of WeChat's.
func refreshLazy(k *token.Keeper, refused string, wait time.Duration) (asked bool, err error) {
	began := time.Now()
	if s := k.Status(); s.Expires.IsZero() && s.LastError == nil {
		if _, err := k.Token(wait); err != nil {
			return true, err
		}
		if !k.Status().RefreshedAt.Before(began) {
			return true, nil
		}
	}
	return k.Refresh(refused, wait-time.Since(began))
}

// A refreshAnswer is an account's status after somebody had it refreshed.
type refreshAnswer struct {
	accountStatus
	Asked *bool `json:"asked,omitempty"` // WeChat was asked, so that last_error is its present word; nil if it was to replace the token
}

// refreshed returns how the audit calls what came of a refresh that was no
// replacement by force.
func refreshed(asked bool, err error) string {
	if err == nil && !asked {
		return audit.Unasked
	}
	return outcome(err)
}

// A refreshAsk is what a request for a refresh says.
type refreshAsk struct {
	failed string // the token that a program was refused with; empty: it names none
	force  bool   // WeChat is to replace the token whatever it is
}

// These errors say why a request for a refresh is not understood.
var (
	errNoAsk   = errors.New(`the body is empty, {"access_token":"the one that failed"} or {"force":true}, and no more than 4 KiB; nothing was refreshed`)
	errQuery   = errors.New(`what to refresh stands in the body, as {"force":true}, and not in the query; nothing was refreshed`)
	errNoForce = errors.New(`WeCom repeats a token until its end and cannot be made to replace it: for a leaked one, reset the application's secret in WeCom's console, and put the new one here; nothing was refreshed`)
	errBoth    = errors.New(`the body has either "access_token" or "force": true: by force the token is replaced whichever failed; nothing was refreshed`)
)

// readAsk returns what r says, strictly: an operator who has a token replaced because
// it is in wrong hands must not be told that all is well when that was not read.
func readAsk(w http.ResponseWriter, r *http.Request) (ask refreshAsk, err error) {
	if r.URL.RawQuery != "" {
		return ask, errQuery
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAsk))
	begin, err := decoder.Token()
	if errors.Is(err, io.EOF) {
		return ask, nil
	}
	if err != nil || begin != json.Delim('{') {
		return ask, errNoAsk
	}
	named := map[json.Token]bool{}
	for decoder.More() {
		name, _ := decoder.Token()
		value, err := decoder.Token()
		if err != nil || named[name] || !ask.take(name, value) {
			return ask, errNoAsk
		}
		named[name] = true
	}
	if _, err = decoder.Token(); err != nil {
		return ask, errNoAsk // the object does not end
	}
	if _, err = decoder.Token(); !errors.Is(err, io.EOF) {
		return ask, errNoAsk
	}
	if ask.force && named["access_token"] {
		return ask, errBoth
	}
	return ask, nil
}

// take takes a member of the body, and reports whether it knows one like that.
func (k *refreshAsk) take(name, value json.Token) (ok bool) {
	switch name {
	case "access_token":
		k.failed, ok = value.(string)
	case "force":
		k.force, ok = value.(bool)
	}
	return ok
}
