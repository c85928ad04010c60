package admin

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

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
	tickets []token.TicketStatus
}

// hasProblem reports whether something is wrong with the account's token or with a
// ticket of it.
func (a accountNow) hasProblem() bool {
	return a.LastError != nil ||
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
		row := accountNow{account, account.Status(), account.ticketsNow()}
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
	said := strings.ToLower(a.Name) + " " + strings.ToLower(a.AppID) + " " + stateWord(a.Status)[l]
	if a.LastError != nil {
		said += " " + strconv.Itoa(a.Problem().Code)
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

func stateWord(s token.Status) phrase {
	switch {
	case s.Asleep:
		return wordAsleep
	case s.State == token.StateFresh:
		return wordFresh
	case s.State == token.StateDue:
		return wordDue
	}
	return wordGone
}

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
