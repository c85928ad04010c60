package admin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxproxy/platform"
	"wxproxy/token"
)

// maxRows is how many accounts, clients and the like a page shows: what a person
// can look through, and a browser can show every few seconds.
const maxRows = 200

// An overview is what the page says of the accounts: how many of all have a problem,
// and the first of those that match a filter, those with a problem before the others.
type overview struct {
	filter        string
	gone, failing int // of all; failing are those with a problem and a token
	matching      int
	rows          []accountNow
}

// An accountNow is an account and how it is.
type accountNow struct {
	Account
	token.Status
	tickets  []token.TicketStatus
	refusals []Refusal // of the last hour
}

// nowOf returns how the account is.
func nowOf(a *Account) accountNow {
	return accountNow{*a, a.Status(), a.ticketsNow(), a.refusedSince(time.Now().Add(-time.Hour))}
}

// hasProblem reports whether something is wrong with the account's token or with a
// ticket of it, or calls for it were refused.
func (a accountNow) hasProblem() bool {
	return a.LastError != nil || len(a.refusals) > 0 ||
		slices.ContainsFunc(a.tickets, func(t token.TicketStatus) bool { return t.LastError != nil })
}

// maxFilter is how many characters of a filter count.
const maxFilter = 100

// filterOf returns what the page's accounts are to be filtered by.
func filterOf(r *http.Request) string {
	filter := r.URL.Query().Get("q")
	left := maxFilter
	for at := range filter {
		if left--; left < 0 {
			return filter[:at]
		}
	}
	return filter
}

// overview asks all accounts how they are.
func (a *Admin) overview(filter string, l lang) *overview {
	o := &overview{filter: filter}
	ranked := [3][]accountNow{}
	words := strings.Fields(strings.ToLower(filter))
	for _, account := range a.Accounts {
		row := nowOf(&account)
		rank := 2
		switch {
		case IsGone(row.Status):
			o.gone++
			rank = 0
		case row.hasProblem():
			o.failing++
			rank = 1
		}
		if row.matches(words, l) {
			o.matching++
			if len(ranked[rank]) < maxRows {
				ranked[rank] = append(ranked[rank], row)
			}
		}
	}
	o.rows = slices.Concat(ranked[:]...)
	o.rows = o.rows[:min(len(o.rows), maxRows)]
	return o
}

// matches reports whether each word, in lower case, stands in something that the
// page says of the account.
func (a accountNow) matches(words []string, l lang) bool {
	if len(words) == 0 {
		return true
	}
	said := strings.ToLower(a.Name+" "+a.AppID+" "+a.AgentID+" "+a.Kind) + " " + stateWord(a.Status)[l]
	if a.LastError != nil {
		said += " " + strconv.Itoa(a.Problem().Code)
	}
	for _, r := range a.refusals {
		said += " " + strconv.Itoa(r.Code)
	}
	for _, word := range words {
		if !strings.Contains(said, word) {
			return false
		}
	}
	return true
}

// IsGone reports whether there is no token, and somebody wants one.
func IsGone(s token.Status) bool { return s.State == token.StateGone && !s.Asleep }

// look returns the class that gives the state its looks on the page.
func (a accountNow) look() markup {
	switch {
	case a.Asleep:
		return "idle"
	case a.State == token.StateFresh && !a.hasProblem():
		return "good"
	case a.State == token.StateGone:
		return "bad"
	}
	return "fair"
}

// A platformNow is a platform, how it is, and the first of its authorizers that match a
// filter, those with a problem before the others.
type platformNow struct {
	*Platform
	platform.Status
	filter   string
	matching int
	rows     []platform.AuthorizerStatus
}

// platformsNow asks all platforms how they are.
func (a *Admin) platformsNow(filter string, l lang) []platformNow {
	words := strings.Fields(strings.ToLower(filter))
	matches := func(m platform.Match) bool {
		if len(words) == 0 {
			return true
		}
		said := strings.ToLower(m.AppID) + " " + m.State + " " + platformWords[m.State][l]
		if m.Errcode != 0 {
			said += " " + strconv.Itoa(m.Errcode)
		}
		for _, word := range words {
			if !strings.Contains(said, word) {
				return false
			}
		}
		return true
	}
	all := make([]platformNow, 0, len(a.Platforms))
	for i := range a.Platforms {
		now := platformNow{Platform: &a.Platforms[i], Status: a.Platforms[i].Status(), filter: filter}
		q := platform.Query{Limit: max(1, maxRows/len(a.Platforms)), ProblemsFirst: true, Matches: matches}
		now.matching, now.rows = now.Search(q)
		all = append(all, now)
	}
	return all
}

// all returns how many accounts the platform has heard of.
func (p *platformNow) all() int { return sumOfCounts(p.Authorizers) }

// looking counts the platforms that have a look.
func looking(look markup, platforms []platformNow) (n int) {
	for i := range platforms {
		if platforms[i].look() == look {
			n++
		}
	}
	return n
}

// isIn counts the platforms that are in a state.
func isIn(state string, platforms []platformNow) (n int) {
	for _, p := range platforms {
		if p.State == state {
			n++
		}
	}
	return n
}

// troubled returns how many accounts of platforms have a problem that somebody should look
// after, and how many there are. That a merchant has ended an authorization is none.
func troubled(platforms []platformNow) (n, all int) {
	for _, p := range platforms {
		n += p.Authorizers[platform.StateFailing] + p.Authorizers[platform.StateNeedsAuthorization]
		all += p.all() - p.Authorizers[platform.StateUnauthorized]
	}
	return n, all
}
