package admin

import (
	"net/http"
	"time"

	"wxproxy/token"
)

// processStatus is the answer of /status.
type processStatus struct {
	Version          string           `json:"version"`
	Uptime           int64            `json:"uptime"` // seconds
	Accounts         []accountStatus  `json:"accounts"`
	Platforms        []platformStatus `json:"platforms,omitempty"` // absent without any
	Upstream         []Host           `json:"upstream"`
	Store            Store            `json:"store"`
	RequestsInFlight int              `json:"requests_in_flight"`
	Config           configStatus     `json:"config"`
	Inbox            *inboxStatus     `json:"inbox,omitempty"` // of pushes; absent while it cannot be asked
	WeCom            *weComStatus     `json:"wecom,omitempty"` // absent without accounts of WeCom's

	// How many requests were answered with an error of the proxy's own, by its slug,
	// or by WeChat's errcode where it is told in WeChat's words.
	Failures failures       `json:"failures"`
	Clients  []clientStatus `json:"clients"`

	// What was called, and the last calls that failed, if somebody asks for that by apis=1.
	APIs        []apiStatus  `json:"apis,omitzero"`
	FailedCalls []failedCall `json:"failed_calls,omitzero"`
}

// weComStatus says what WeCom may ban this machine's address for.
type weComStatus struct {
	InHour int `json:"wrong_secrets_in_hour"` // that WeCom has refused within the last hour
	Most   int `json:"wrong_secrets_at_most"` // from then on accounts that never worked wait
}

// configStatus says which configuration is in force.
type configStatus struct {
	Hash       string      `json:"hash"`      // the same for processes with the same configuration
	LoadedAt   *time.Time  `json:"loaded_at"` // when it was read
	LastReload *lastReload `json:"last_reload"`
}

// lastReload says how the configuration was read last, at the start or since.
type lastReload struct {
	At         *time.Time `json:"at"`
	Successful bool       `json:"successful"`
}

func (a *Admin) config() configStatus {
	last := a.Loaded()
	return configStatus{a.ConfigHash(), utc(last.At), &lastReload{utc(last.Tried), last.Successful}}
}

// clientStatus is what a client has asked for since the start.
type clientStatus struct {
	Name     string   `json:"name"` // empty: everybody who is no client
	Requests uint64   `json:"requests"`
	Failures failures `json:"failures"`
}

// ticketStatus is how a ticket is that a program has asked for.
type ticketStatus struct {
	Type      string       `json:"type"`
	ExpiresIn int64        `json:"expires_in"` // seconds, 0 without a ticket
	LastError *errorStatus `json:"last_error"`
}

// errorStatus is what the last fetch ended with, and what to do about it.
type errorStatus struct {
	Errcode  int    `json:"errcode"`
	Errmsg   string `json:"errmsg"`
	Remedy   string `json:"remedy"`
	RemedyZH string `json:"remedy_zh"`
}

func (a *Admin) status(w http.ResponseWriter, r *http.Request) {
	withAPIs := r.URL.Query()["apis"]
	if len(withAPIs) > 1 || len(withAPIs) > 0 && withAPIs[0] != "1" {
		writeError(w, http.StatusBadRequest, "apis=1 asks for the calls of each API, and the last ones that failed; it stands there once, or not at all")
		return
	}
	now, box := time.Now(), a.inboxNow(r)
	answer := processStatus{
		Version:          a.Version,
		Uptime:           int64(now.Sub(a.Started).Seconds()),
		Accounts:         make([]accountStatus, 0, len(a.Accounts)),
		Upstream:         a.Hosts(),
		Store:            a.Store(),
		RequestsInFlight: a.InFlight(),
		Config:           a.config(),
		Inbox:            a.describeInbox(box),
	}
	if a.WrongSecrets != nil {
		answer.WeCom = new(weComStatus)
		answer.WeCom.InHour, answer.WeCom.Most = a.WrongSecrets()
	}
	if len(withAPIs) > 0 {
		answer.APIs, answer.FailedCalls = a.describeAPIs(), a.describeFailed()
	}
	answer.Failures, answer.Clients = clientsNow(a.Clients, a.Counted())
	for _, account := range a.Accounts {
		one := describe(account, now)
		one.Pushes = a.pushesOf(account.Name, box)
		answer.Accounts = append(answer.Accounts, one)
	}
	for i := range a.Platforms {
		one := describePlatform(&a.Platforms[i], now)
		one.Pushes, one.Messages = a.pushesOf(one.Name, box), a.pushesOf(a.Platforms[i].All(), box)
		answer.Platforms = append(answer.Platforms, one)
	}
	writeJSON(w, http.StatusOK, answer)
}

func describeTickets(tickets []token.TicketStatus, now time.Time) []ticketStatus {
	all := make([]ticketStatus, 0, len(tickets))
	for _, t := range tickets {
		all = append(all, ticketStatus{Type: t.Type, ExpiresIn: secondsLeft(t.Expires, now), LastError: lastError(t.Status)})
	}
	return all
}

// secondsLeft returns how long it is until end, 0 if that is over: the last second
// counts as a whole one.
func secondsLeft(end, now time.Time) int64 {
	left := end.Sub(now)
	if left <= 0 {
		return 0
	}
	return wholeSeconds(left)
}

// wholeSeconds returns a life as WeChat states it, and at least 1: caches take 0 for
// no end at all.
func wholeSeconds(life time.Duration) int64 { return max(1, int64(life/time.Second)) }

func lastError(s token.Status) *errorStatus {
	if s.LastError == nil {
		return nil
	}
	return errorOf(s.Problem())
}

// utc returns t for JSON, nil if it is no time, or one of a year that JSON cannot have.
func utc(t time.Time) *time.Time {
	if t.IsZero() || t.Year() < 1 || t.Year() > 9998 {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

// A Store is how the place is where tokens are kept. It holds no secret.
type Store struct {
	Kind         string     `json:"kind"`    // "memory", "file" or "redis"
	Address      string     `json:"address"` // as token.store, without passwords
	Up           bool       `json:"up"`
	Since        *time.Time `json:"since"`      // when that began, in UTC
	LastError    *string    `json:"last_error"` // why it is of no use; null if it is up
	Remedy       string     `json:"remedy,omitempty"`
	NewerRecords bool       `json:"newer_records,omitempty"` // it has records of a later version, which are left alone
}

// UTC returns t for JSON, to the second; nil if it is no time.
func UTC(t time.Time) *time.Time { return utc(t) }

// store adds where tokens are kept, and whether that works.
func (d *document) store(s Store) {
	d.say("<div><dt>", wordStore, "</dt>")
	d.in("<dd>", s.Address, "")
	if !s.Up {
		d.say(` <span class="state bad">`, wordStoreDown, "</span>")
		d.in(" <small>", *s.LastError, "</small>")
		if s.Remedy != "" {
			d.say(" <b>", wordRemedy, "</b>")
			d.in("", s.Remedy, "")
		}
	}
	if s.NewerRecords {
		d.say(` <span class="state fair">`, wordStoreNewer, "</span>")
	}
	d.mark("</dd></div>")
}
