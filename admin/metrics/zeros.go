package metrics

import (
	"net/http"
	"slices"
	"strconv"

	"wxproxy/proxy/traffic"
	"wxproxy/token"
)

// maxZeros is how many accounts have their counters from the start on. Of more than
// that, a counter comes with what it counts first: ten thousand accounts would have
// half a million series that are 0.
const maxZeros = 500

// What is known before it happens. Alerts look for a rise, which a counter that begins
// with 1 does not show.
var (
	fetchReasons    = [...]string{"start", "due", "refused", "forced", "asked"}
	fetchOutcomes   = [...]string{token.FetchSucceeded, string(token.ClassTransient), string(token.ClassConfiguration), string(token.ClassQuota), string(token.ClassAccount)}
	denialErrcodes  = [...]int{40001, 40013, 40125, 40164, 40243, 50002, 50004, 50007, 61004}
	refusedTokens   = [...]int{40001, 40014, 42001}
	retryOutcomes   = [...]traffic.RetryOutcome{traffic.RetryAccepted, traffic.RetryRefused, traffic.RetryFailed, traffic.RetryUnavailable, traffic.RetryInVain}
	requestStatuses = [...]int{http.StatusOK, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
)

// quotaErrcode says that an API's quota of the day is used up.
const quotaErrcode = 45009

// A seriesSet has the series of a snapshot, with 0 for their counts.
type seriesSet map[any]bool

func seriesOf(c *traffic.Snapshot) seriesSet {
	has := seriesSet{}
	for _, r := range c.Requests {
		r.N = 0
		has[r] = true
	}
	for _, e := range c.Errcodes {
		e.N = 0
		has[e] = true
	}
	for _, r := range c.Retries {
		r.N = 0
		has[r] = true
	}
	return has
}

// zeros tells, as 0, of what alerts look for and has not happened yet to the accounts
// and the clients with these names.
func (s text) zeros(has seriesSet, accounts []Account, clients []string) {
	s.zeroRequests(has, "", "", http.StatusUnauthorized, http.StatusServiceUnavailable)
	for _, client := range clients[:min(len(clients), maxZeros)] {
		s.zeroRequests(has, "", client, http.StatusTooManyRequests)
	}
	if len(accounts) > maxZeros {
		return
	}
	for _, a := range accounts {
		s.zeroRequests(has, a.Name, "", requestStatuses[:]...)
		for _, errcode := range append(a.Refusals[:len(a.Refusals):len(a.Refusals)], quotaErrcode) {
			if !has[traffic.ErrcodeCount{Account: a.Name, Errcode: errcode}] {
				s.counter(errcodes, 0, a.Name, strconv.Itoa(errcode))
			}
		}
		for _, errcode := range refusedTokens {
			for _, outcome := range retryOutcomes {
				if !has[traffic.RetryCount{Account: a.Name, Errcode: errcode, Outcome: outcome}] {
					s.counter(retries, 0, a.Name, strconv.Itoa(errcode), string(outcome))
				}
			}
		}
	}
}

func (s text) zeroRequests(has seriesSet, account, client string, statuses ...int) {
	for _, status := range statuses {
		if !has[traffic.RequestCount{Account: account, Client: client, Status: status}] {
			s.counter(requests, 0, account, client, strconv.Itoa(status))
		}
	}
}

// zerosOfToken tells of an account's fetches and refusals of the AppSecret that have
// not happened yet, by the counts that the same scrape shows: others read a moment later
// could show a series twice.
func (s text) zerosOfToken(name string, fetched []token.FetchCount, denied []token.DenialCount) {
	for _, reason := range fetchReasons {
		for _, outcome := range fetchOutcomes {
			if !slices.ContainsFunc(fetched, func(c token.FetchCount) bool { return c.Reason == reason && c.Outcome == outcome }) {
				s.counter(fetches, 0, name, outcome, reason)
			}
		}
	}
	for _, errcode := range denialErrcodes {
		if !slices.ContainsFunc(denied, func(c token.DenialCount) bool { return c.Errcode == errcode }) {
			s.counter(denials, 0, name, strconv.Itoa(errcode))
		}
	}
}

// countedOnce returns accounts whose counts stay as they are: what is counted between
// two reads would be told twice, as 0 and as 1.
func countedOnce(accounts []Account) []Account {
	for i, a := range accounts {
		fetched, denied := a.Fetches(), a.Denials()
		accounts[i].Fetches = func() []token.FetchCount { return fetched }
		accounts[i].Denials = func() []token.DenialCount { return denied }
	}
	return accounts
}
