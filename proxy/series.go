package proxy

import (
	"iter"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// maxStatuses is how many statuses of one client at one account are told apart,
// besides 200. WeChat uses five.
const maxStatuses = 15

// otherStatus stands for those beyond, and for what is no status of HTTP.
const otherStatus = 0

// A series counts one client's requests for one account, by the status of their
// answers. A status is known from its first answer on; to count another one
// takes no lock, no hash and no memory. Most answers have status 200: with ten
// thousand accounts it counts how many places in memory that one takes.
type series struct {
	ok       atomic.Uint64                  // status 200
	statuses atomic.Pointer[[]*statusCount] // the others; replaced when there is one more
	_        [48]byte                       // the rest of a cache line, which belongs to nobody else
}

type statusCount struct {
	n      atomic.Uint64
	status int
	_      [48]byte // the rest of a cache line, which belongs to nobody else
}

func newSeries() *series {
	s := new(series)
	s.statuses.Store(new([]*statusCount))
	return s
}

func (s *series) count(status int) {
	if status == fasthttp.StatusOK {
		s.ok.Add(1)
		return
	}
	for _, c := range *s.statuses.Load() {
		if c.status == status {
			c.n.Add(1)
			return
		}
	}
	s.begin(status).n.Add(1)
}

// begin returns the count of a status that was not known just now.
func (s *series) begin(status int) *statusCount {
	for {
		known := s.statuses.Load()
		if status < fasthttp.StatusOK || status > 599 || len(*known) >= maxStatuses {
			status = otherStatus
		}
		if at := slices.IndexFunc(*known, func(c *statusCount) bool { return c.status == status }); at >= 0 {
			return (*known)[at]
		}
		c := &statusCount{status: status}
		more := append(slices.Clone(*known), c)
		if s.statuses.CompareAndSwap(known, &more) {
			return c
		}
	}
}

// all returns how many answers had each status.
func (s *series) all() iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		if n := s.ok.Load(); n > 0 && !yield(fasthttp.StatusOK, n) {
			return
		}
		for _, c := range *s.statuses.Load() {
			if !yield(c.status, c.n.Load()) {
				return
			}
		}
	}
}

// met are the series of those clients that have called for one account, so that
// most of what accounts times clients could be takes no memory.
type met struct {
	first  atomic.Pointer[Client]              // often the only one; never replaced
	series atomic.Pointer[series]              // of the first; nil: not known yet
	others atomic.Pointer[map[*Client]*series] // replaced when there is one more; nil: none yet
}

// of returns the series of client, nil if it was not met.
func (m *met) of(client *Client) *series {
	if s := m.series.Load(); s != nil && m.first.Load() == client {
		return s
	}
	if known := m.others.Load(); known != nil {
		return (*known)[client]
	}
	return nil
}

// add makes client known. A nil one is never the first: that is what nobody is.
func (m *met) add(client *Client, s *series) {
	if client != nil && m.first.CompareAndSwap(nil, client) {
		m.series.Store(s)
		return
	}
	for {
		known := m.others.Load()
		more := map[*Client]*series{}
		if known != nil {
			more = maps.Clone(*known)
		}
		more[client] = s
		if m.others.CompareAndSwap(known, &more) {
			return
		}
	}
}
