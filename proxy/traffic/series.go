package traffic

import (
	"iter"
	"slices"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// MaxStatuses is how many statuses of one client at one account are told apart,
// besides 200. WeChat uses five.
const MaxStatuses = 15

// otherStatus stands for those beyond, and for what is no status of HTTP.
const otherStatus = 0

// A Series counts one client's requests for one account, by the status of their
// answers. A status is known from its first answer on; to count another one
// takes no lock, no hash and no memory. Most answers have status 200: with ten
// thousand accounts it counts how many places in memory that one takes.
type Series struct {
	ok       atomic.Uint64                  // status 200
	statuses atomic.Pointer[[]*statusCount] // the others; replaced when there is one more
	_        [48]byte                       // the rest of a cache line, which belongs to nobody else
}

type statusCount struct {
	n      atomic.Uint64
	status int
	_      [48]byte // the rest of a cache line, which belongs to nobody else
}

func newSeries() *Series {
	s := new(Series)
	s.statuses.Store(new([]*statusCount))
	return s
}

// Count counts a request that was answered with status.
func (s *Series) Count(status int) {
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
func (s *Series) begin(status int) *statusCount {
	for {
		known := s.statuses.Load()
		if status < fasthttp.StatusOK || status > 599 || len(*known) >= MaxStatuses {
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
func (s *Series) all() iter.Seq2[int, uint64] {
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
