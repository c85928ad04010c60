package proxy

import (
	"maps"
	"sync/atomic"
	"time"

	"wxproxy/proxy/traffic"
)

// count counts a request that was answered.
func (p *Proxy) count(x *exchange) {
	if p.config.Counts != nil {
		p.series(x.account, x.client).Count(x.ctx.Response.StatusCode())
		x.durations.Observe(time.Since(x.began))
	}
}

// series returns that of a client at an account, nil for unknown ones.
func (p *Proxy) series(account *Account, client *Client) *traffic.Series {
	met := &p.strangers
	if account != nil {
		met = account.met
	}
	s := met.of(client)
	if s == nil {
		s = p.config.Counts.Series(names(account, client))
		met.add(client, s)
	}
	return s
}

// names returns the configured names of an account and a client, "" for unknown
// ones.
func names(a *Account, c *Client) (account, client string) {
	if a != nil {
		account = a.Name
	}
	if c != nil {
		client = c.Name
	}
	return account, client
}

// met are the series of those clients that have called for one account, so that
// most of what accounts times clients could be takes no memory.
type met struct {
	first  atomic.Pointer[Client]                      // often the only one; never replaced
	series atomic.Pointer[traffic.Series]              // of the first; nil: not known yet
	others atomic.Pointer[map[*Client]*traffic.Series] // replaced when there is one more; nil: none yet
}

// of returns the series of client, nil if it was not met.
func (m *met) of(client *Client) *traffic.Series {
	if s := m.series.Load(); s != nil && m.first.Load() == client {
		return s
	}
	if known := m.others.Load(); known != nil {
		return (*known)[client]
	}
	return nil
}

// add makes client known. A nil one is never the first: that is what nobody is.
func (m *met) add(client *Client, s *traffic.Series) {
	if client != nil && m.first.CompareAndSwap(nil, client) {
		m.series.Store(s)
		return
	}
	for {
		known := m.others.Load()
		more := map[*Client]*traffic.Series{}
		if known != nil {
			more = maps.Clone(*known)
		}
		more[client] = s
		if m.others.CompareAndSwap(known, &more) {
			return
		}
	}
}
