package traffic

import (
	"iter"
	"slices"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// maxStatuses is how many statuses of one client at one account are counted apart,
// besides 200. WeChat uses five.
const maxStatuses = 15

// otherStatus stands for the statuses beyond that, and for numbers that HTTP does not
// use.
const otherStatus = 0

// A Series counts one client's requests for one account, by the status of their
// answers. Only the first answer with a status takes memory; to count the next one
// takes neither a lock nor a hash. Most answers have status 200, whose count stands in
// the Series itself: with ten thousand accounts each further place in memory that a
// request has to visit takes time.
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

// begin returns the count of a status that had none just now.
func (s *Series) begin(status int) *statusCount {
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
