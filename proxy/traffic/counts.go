// Package traffic counts requests, by the names of accounts and clients. It knows
// nothing of what these are.
package traffic

import (
	"math"
	"strings"
	"sync"
	"sync/atomic"

	"wxproxy/proxy/traffic/apis"
)

// Counts are what proxies count. Accounts and clients go by their configured names,
// "" where a request has none, and never by what a caller says. So one Counts can serve
// the proxies of one configuration after another.
//
// Only what was counted takes memory: of all accounts times all clients, the pairs
// that occurred.
type Counts struct {
	APIs *apis.Counts // by the API that is called

	histograms [16]Histogram
	handedOut  atomic.Uint32 // how many times one of histograms was

	mu       sync.Mutex // guards what follows; a request takes it only for what is rare
	accounts map[string]*accountCounts
	failures map[string]map[string]uint64 // by client and reason
	hour     lastHour
}

// accountCounts are the counts of one account.
type accountCounts struct {
	clients  map[string]*Series // by name
	errcodes map[int]uint64
	retries  map[retry]uint64
	minutes  minuteTotals
	refusals []Refusal // by errcode; at most maxRefusals
}

type retry struct {
	errcode int
	outcome RetryOutcome
}

// A RetryOutcome is what became of a request whose token WeChat refused.
type RetryOutcome string

// The outcomes of a refused token.
const (
	RetryAccepted    RetryOutcome = "accepted"    // sent again, and WeChat took the token
	RetryRefused     RetryOutcome = "refused"     // sent again, and WeChat refused that token, too
	RetryFailed      RetryOutcome = "failed"      // sent again, and there was no answer
	RetryUnavailable RetryOutcome = "unavailable" // not sent again: there was no good token
	RetryInVain      RetryOutcome = "in_vain"     // not sent again: WeChat refuses good tokens at this path
)

const (
	// maxErrcodes is how many errcodes of one account are counted apart.
	maxErrcodes = 100

	// OtherErrcode stands for the errcodes beyond that, and for numbers that WeChat does
	// not use.
	OtherErrcode = math.MinInt

	// The errcodes of WeChat lie between these.
	minErrcode, maxErrcode = -99_999, 9_999_999
)

// NewCounts returns Counts that have counted nothing.
func NewCounts() *Counts {
	return &Counts{APIs: apis.New(), accounts: map[string]*accountCounts{}, failures: map[string]map[string]uint64{}}
}

// OfAPIs returns what counts the calls of the documented APIs of a kind of accounts, nil for
// nil Counts.
func (c *Counts) OfAPIs(kind string, documented []string) *apis.Kind {
	if c == nil {
		return nil
	}
	return c.APIs.Kind(strings.ToLower(kind), documented)
}

// account returns the counts of the account called name. The caller holds c.mu.
func (c *Counts) account(name string) *accountCounts {
	a := c.accounts[name]
	if a == nil {
		a = &accountCounts{clients: map[string]*Series{}}
		c.accounts[name] = a
	}
	return a
}

// Series returns the series of a client at an account.
func (c *Counts) Series(account, client string) *Series {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.account(account)
	s := a.clients[client]
	if s == nil {
		s = newSeries()
		a.clients[client] = s
	}
	return s
}

// Errcode counts an answer of WeChat's that is an error.
func (c *Counts) Errcode(account string, errcode int) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.account(account)
	if a.errcodes == nil {
		a.errcodes = map[int]uint64{}
	}
	if _, known := a.errcodes[errcode]; !known && (errcode < minErrcode || errcode > maxErrcode || len(a.errcodes) >= maxErrcodes) {
		errcode = OtherErrcode
	}
	a.errcodes[errcode]++
}

// Retry counts what became of a request whose token was refused with errcode,
// one of those in the configuration.
func (c *Counts) Retry(account string, errcode int, outcome RetryOutcome) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.account(account)
	if a.retries == nil {
		a.retries = map[retry]uint64{}
	}
	a.retries[retry{errcode, outcome}]++
}

// Histogram returns one of several histograms, which together make the Durations, nil
// for nil Counts. Requests that come one after another should use the same one.
func (c *Counts) Histogram() *Histogram {
	if c == nil {
		return nil
	}
	return &c.histograms[c.handedOut.Add(1)%uint32(len(c.histograms))]
}

// sumDurations returns how long requests took.
func (c *Counts) sumDurations() (sum Durations) {
	for i := range c.histograms {
		sum = sum.plus(c.histograms[i].read())
	}
	return sum
}
