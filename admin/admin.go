// Package admin answers an operator: whether the process works, whether it is
// ready, and how each account's token is. None of its answers holds a token or a
// secret, except that of the one page that hands a token to operators with the key.
package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"time"

	"wxproxy/internal/audit"
	"wxproxy/internal/origin"
	"wxproxy/internal/secret"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/traffic/apis"
	"wxproxy/token"
	"wxproxy/token/history"
)

// Admin is what the operator can ask about.
type Admin struct {
	Version  string
	Started  time.Time
	Store    func() Store // how the place is where tokens are kept
	Accounts []Account
	Clients  []Client
	Hosts    func() []Host
	InFlight func() int  // requests being answered
	Draining func() bool // the process is about to end
	Counted  func() *traffic.Snapshot
	Hour     func() []traffic.Minute // of all requests
	Metrics  http.Handler            // answers in Prometheus's words
	APIs     *apis.Counts            // calls by the API; nil: they are not counted
	Pushes   *Pushes                 // nil: none are taken

	Platforms []Platform

	// Quote returns what WeChat knows of a call of an account, or why it does not say.
	Quote func(ctx context.Context, account Account, rid string) (Quoted, token.Explanation)

	// WrongSecrets returns how many secrets WeCom has refused within the last hour, and with
	// how many it is asked no more for accounts that never worked; nil: there are no accounts
	// of WeCom's.
	WrongSecrets func() (inHour, most int)

	// ConfigHash is the same for processes with the same configuration in force, and
	// Loaded says how it was read last.
	ConfigHash func() string
	Loaded     func() Loaded

	// Reload reads the configuration again and returns what has changed. The error has
	// a line for each mistake.
	Reload func() (Changes, error)

	// WrongKey is called before a wrong key is refused, and may take its time.
	WrongKey func(*http.Request)

	Log     *slog.Logger
	Audit   *audit.Log     // nil: nobody wants to know who did what
	Trusted origin.Trusted // web servers before the listener
	Key     secret.Secret  // needed beyond loopback, and for what is not for everybody
	KeyOld  secret.Secret  // the key before, which is as good; empty: none is
	ReadKey secret.Secret  // good for reading alone; empty: none is
	Public  bool           // the listener is reachable beyond loopback
	Socket  bool           // the listener is a unix socket, which no browser reaches
}

// An Account is an account whose token can be read and replaced. Its functions are
// methods of a [token.Keeper].
type Account struct {
	Name    string
	AppID   string // of an application of WeCom's: the corp's id
	Status  func() token.Status
	Refresh func(failed string, wait time.Duration) (asked bool, err error)
	Replace func(wait time.Duration) error // by force; the error is a [token.Limit] if it is too soon for that; nil: its issuer never does that
	Lend    func(wait time.Duration) (string, time.Duration, error)
	Hour    func() []traffic.Minute
	History func() ([]history.Event, error) // the newest first; nil: none is kept
	Tickets func() []token.TicketStatus     // those that somebody asked for; nil: none

	Kind     string           // "wechat" or "wecom"
	CorpID   string           // of an application of WeCom's alone
	AgentID  string           // likewise; empty: it has none
	Refusals func() []Refusal // of calls for it; nil: none are counted

	Keeper func() (*token.Keeper, error) // of its token, with which WeChat is asked about a call; nil: WeCom has no API for that
}

// weComNames are the accounts that are applications of WeCom's.
func (a *Admin) weComNames() map[string]bool {
	names := map[string]bool{}
	for i := range a.Accounts {
		if a.Accounts[i].Kind == "wecom" {
			names[a.Accounts[i].Name] = true
		}
	}
	return names
}

// ticketsNow returns how the account's tickets are.
func (a *Account) ticketsNow() []token.TicketStatus {
	if a.Tickets == nil {
		return nil
	}
	return a.Tickets()
}

// A Client is a program that has a key of its own.
type Client struct {
	Name        string
	Accounts    []string      // the names of those that it may use; empty: all
	MaxInFlight int           // requests at a time; 0: any number
	Interval    time.Duration // between two requests, on average; 0: none
}

// A Host is one of WeChat's hosts.
type Host struct {
	URL    string    `json:"url"`
	State  string    `json:"state"`            // "up" or "down"
	Since  time.Time `json:"since"`            // when that began, in UTC
	Reason string    `json:"reason,omitempty"` // why it is down
	Proxy  string    `json:"proxy,omitempty"`  // host and port of the one that leads to it
}

// Handler returns the handler of the admin listener.
func (a *Admin) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", a.showing(a.dashboard))
	mux.Handle("GET /page.css", a.showing(file("text/css; charset=utf-8", pageCSS)))
	mux.Handle("GET /page.js", a.showing(file("text/javascript; charset=utf-8", pageJS)))
	mux.Handle("GET /apis", a.showing(a.showAPIs))
	mux.Handle("GET /account", a.showing(a.showAccount))
	mux.HandleFunc("GET /healthz", a.health)
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("GET /status", a.reading(a.status))
	mux.Handle("GET /metrics", a.reading(a.Metrics.ServeHTTP))
	mux.Handle("POST /accounts/{name}/refresh", a.changing(audit.Refresh, asking(a.withAccount(a.refresh))))
	mux.Handle("POST /accounts/{name}/rid/{rid}", a.changing(audit.AskRid, atMost(maxQuotes, a.withAccount(a.quote))))
	mux.Handle("GET /platforms/{name}/authorizers", a.reading(a.withPlatform(a.listAuthorizers)))
	mux.Handle("POST /platforms/{name}/recover", a.changing(audit.Recover, asking(a.withPlatform(a.recover))))
	mux.Handle("GET /pushes/failed", a.reading(a.listFailed))
	mux.Handle("POST /pushes/failed/{id}/retry", a.changing(audit.RetryPush, a.retryPush))
	mux.Handle("POST /reload", a.changing(audit.Reload, a.reload))
	mux.Handle("GET /accounts/{name}/history", a.reading(a.withAccount(listHistory)))
	mux.Handle("GET /accounts/{name}/token", a.telling(audit.RealToken, asking(a.withAccount(a.lend))))
	mux.Handle("GET /debug/pprof/", a.profiling(pprof.Index))
	mux.Handle("GET /debug/pprof/cmdline", a.profiling(pprof.Cmdline))
	mux.Handle("GET /debug/pprof/profile", a.profiling(pprof.Profile))
	mux.Handle("GET /debug/pprof/symbol", a.profiling(pprof.Symbol))
	mux.Handle("GET /debug/pprof/trace", a.profiling(pprof.Trace))
	return withNowhere(mux)
}

func (a *Admin) health(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if encoder.Encode(value) != nil { // what is no JSON must not look like an answer
		code = http.StatusInternalServerError
		body.Reset()
		body.WriteString(`{"error":"wxproxy cannot write this answer as JSON; please report it"}` + "\n")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = body.WriteTo(w) // a caller that left cannot be told
}
