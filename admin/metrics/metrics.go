// Package metrics tells in Prometheus's words what the proxy has counted and how
// the tokens are. It reads when somebody asks, and costs nothing until then. Labels
// hold configured names, numbers of HTTP and WeChat, and words of this package alone.
package metrics

import (
	"strconv"
	"time"

	"wxproxy/proxy/traffic"
	"wxproxy/proxy/upstream"
	"wxproxy/token"
	"wxproxy/token/store/tally"
)

// Sources are what metrics are read from. They are called concurrently.
type Sources struct {
	Counts      *traffic.Counts
	InFlight    func() int
	Connections func() (active, idle int) // to WeChat
	Hosts       func() []upstream.HostState
	Accounts    func() []Account
	Clients     []string      // their names
	LinesLost   func() uint64 // of the log
	Store       func() Store
	Build       Build
	ConfigHash  func() string // in hexadecimal digits
	Loaded      func() Loaded // how the configuration was read last

	Certificates map[string]time.Time // when they expire, by setting
	Pushes       *Pushes              // nil: none are taken
	Platforms    []Platform

	WrongSecrets func() int // that WeCom has refused within the last hour; nil: there are no accounts of WeCom's
}

// A Store is what is known of the token store.
type Store struct {
	Up     bool
	Counts []tally.Count
}

// An Account is an account as far as its token goes. Its functions are methods of a
// [token.Keeper].
type Account struct {
	Name    string
	Status  func() token.Status
	Fetches func() []token.FetchCount
	Denials func() []token.DenialCount

	Pauses   bool  // its issuer counts failures, and may not be asked for a while
	Refusals []int // the errcodes of calls that somebody has to look after
}

// write tells all that the Sources say now.
func (c Sources) write(out text) {
	snapshot, accounts := c.Counts.Snapshot(), countedOnce(append(c.Accounts(), accountsOf(c.Platforms)...))
	out.counted(snapshot)
	out.apis(c.Counts.APIs.Rows())
	out.zeros(seriesOf(snapshot), accounts, c.Clients)
	for _, a := range accounts {
		out.account(a, len(accounts) <= maxZeros)
	}
	out.gauge(inFlight, float64(c.InFlight()))
	active, idle := c.Connections()
	out.gauge(connections, float64(active), "active")
	out.gauge(connections, float64(idle), "idle")
	out.hosts(c.Hosts())
	out.counter(linesLost, c.LinesLost())
	out.store(c.Store())
	out.config(c)
	if c.WrongSecrets != nil {
		out.gauge(wrongSecrets, float64(c.WrongSecrets()))
	}
	for setting, expires := range c.Certificates {
		out.gauge(certificates, float64(expires.Unix()), setting)
	}
	if c.Pushes != nil {
		out.pushes(c.Pushes)
	}
	for _, p := range c.Platforms {
		out.platform(p)
	}
}

func (s text) counted(c *traffic.Snapshot) {
	for _, r := range c.Requests {
		s.counter(requests, r.N, r.Account, r.Client, number(r.Status, 0))
	}
	for _, e := range c.Errcodes {
		s.counter(errcodes, e.N, e.Account, number(e.Errcode, traffic.OtherErrcode))
	}
	for _, r := range c.Retries {
		s.counter(retries, r.N, r.Account, strconv.Itoa(r.Errcode), string(r.Outcome))
	}
	s.histogram(durations, measured{traffic.DurationBounds[:], c.Counts[:], c.Total})
}

// number returns n in digits, and a word for the number that stands for others.
func number(n, other int) string {
	if n == other {
		return "other"
	}
	return strconv.Itoa(n)
}

// account tells of a token. One that is gone has expired in 1970, so that it
// meets every condition for an alarm; one that nobody needs has no expiry.
func (s text) account(a Account, zeros bool) {
	fetched, denied := a.Fetches(), a.Denials()
	if zeros {
		s.zerosOfToken(a.Name, fetched, denied)
	}
	for _, f := range fetched {
		s.counter(fetches, f.N, a.Name, f.Outcome, f.Reason)
	}
	for _, d := range denied {
		s.counter(denials, d.N, a.Name, strconv.Itoa(d.Errcode))
	}
	if a.Status == nil {
		return // of the authorizers of a platform, whose tokens are many
	}
	status := a.Status()
	if a.Pauses {
		isPaused := 0.0
		if !status.PausedUntil(time.Now()).IsZero() {
			isPaused = 1
		}
		s.gauge(paused, isPaused, a.Name)
	}
	switch {
	case status.Asleep:
	case status.State == token.StateGone:
		s.gauge(expiry, 0, a.Name)
	default:
		s.gauge(expiry, float64(status.Expires.UnixMilli())/float64(time.Second/time.Millisecond), a.Name)
	}
}

// store tells how the token store is.
func (s text) store(store Store) {
	up := 0.0
	if store.Up {
		up = 1
	}
	s.gauge(storeUp, up)
	for _, c := range store.Counts {
		s.counter(storeErrors, c.Errors, c.Operation)
		s.histogram(storeDurations, measured{tally.Bounds[:], c.Classes[:], c.Total}, c.Operation)
	}
}
