package admin

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"wxproxy/internal/audit"
	"wxproxy/token"
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
func asking(next http.HandlerFunc) http.HandlerFunc { return atMost(2*MaxConnections, next) }

// atMost does that with another number of requests.
func atMost(most int, next http.HandlerFunc) http.HandlerFunc {
	places := make(chan struct{}, most)
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
	value, life, err := account.Lend(tokenWait)
	a.note(r, audit.RealToken, account.Name, outcome(err))
	if err != nil {
		writeError(w, unavailable(w, err), err.Error())
		return
	}
	writeJSON(w, http.StatusOK, struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}{value, wholeSeconds(life)})
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

// accountStatus is how one account is. Times are in UTC, null if there is none.
type accountStatus struct {
	Name              string       `json:"name"`
	AppID             string       `json:"app_id"`
	Kind              string       `json:"kind,omitempty"`     // "wecom"; empty: it is WeChat's
	CorpID            string       `json:"corp_id,omitempty"`  // of an application of WeCom's, as app_id
	AgentID           string       `json:"agent_id,omitempty"` // likewise, if it is configured
	State             string       `json:"state"`
	Asleep            bool         `json:"asleep,omitempty"` // nobody has called for a day; the next caller's token is fetched then
	ExpiresIn         int64        `json:"expires_in"`       // seconds, 0 without a token
	RefreshedAt       *time.Time   `json:"refreshed_at"`
	NextRefresh       *time.Time   `json:"next_refresh"`
	TokenFetchesToday int          `json:"token_fetches_today"`
	Rejections        int64        `json:"rejections"`
	LastError         *errorStatus `json:"last_error"`
	PausedUntil       *time.Time   `json:"paused_until,omitempty"` // nothing but another secret, if that was refused, has a token asked for before

	Refusals []refusalStatus `json:"refusals,omitzero"` // of calls, by errcodes that somebody has to look after; absent for WeChat's accounts

	Tickets []ticketStatus `json:"tickets,omitempty"` // absent if nobody asked for one
	Pushes  *pushesStatus  `json:"pushes,omitempty"`  // absent if it has none
}

func describe(account Account, now time.Time) accountStatus {
	s := account.Status()
	one := accountStatus{
		Name:              account.Name,
		AppID:             account.AppID,
		CorpID:            account.CorpID,
		AgentID:           account.AgentID,
		State:             s.State,
		Asleep:            s.Asleep,
		ExpiresIn:         secondsLeft(s.Expires, now),
		RefreshedAt:       utc(s.RefreshedAt),
		NextRefresh:       utc(s.NextRefresh),
		TokenFetchesToday: s.FetchesToday,
		Rejections:        s.Rejections,
		LastError:         lastError(s),
		PausedUntil:       utc(s.PausedUntil(now)),
		Tickets:           describeTickets(account.ticketsNow(), now),
	}
	if account.CorpID != "" {
		one.Kind = account.Kind
	}
	if account.Refusals != nil {
		one.Refusals = describeRefusals(account.Refusals())
	}
	return one
}

// A Refusal is an errcode that calls for an account were answered with, and that only
// somebody at its console, or in the configuration, can do something about.
type Refusal struct {
	token.Explanation
	Count  uint64
	LastAt time.Time
	IP     string // this machine's address, as the last answer gives it; empty: it gave none
}

// refusalStatus is how a Refusal is told.
type refusalStatus struct {
	Errcode  int        `json:"errcode"`
	Count    uint64     `json:"count"`
	LastAt   *time.Time `json:"last_at"`
	IP       string     `json:"ip"`
	Remedy   string     `json:"remedy"`
	RemedyZH string     `json:"remedy_zh"`
}

func describeRefusals(refusals []Refusal) []refusalStatus {
	all := make([]refusalStatus, 0, len(refusals))
	for _, r := range refusals {
		all = append(all, refusalStatus{r.Code, r.Count, utc(r.LastAt), r.IP, r.Remedy, r.RemedyZH})
	}
	return all
}

// refusedSince returns the refusals of calls for the account since then. A problem that was
// solved is no problem any more.
func (a *Account) refusedSince(then time.Time) []Refusal {
	if a.Refusals == nil {
		return nil
	}
	return slices.DeleteFunc(a.Refusals(), func(r Refusal) bool { return r.LastAt.Before(then) })
}
