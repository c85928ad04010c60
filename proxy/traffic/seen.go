package traffic

import (
	"maps"
	"sync/atomic"
)

// Seen has the counters of each client that has called for one account. The other
// pairs of accounts and clients, which are most, take no memory.
type Seen[C any] struct {
	first  atomic.Pointer[C]              // the first to call, and often the only one; never replaced
	series atomic.Pointer[Series]         // of the first; nil: not known yet
	others atomic.Pointer[map[*C]*Series] // replaced when there is one more; nil: none yet
}

// Of returns the series of client, nil if it was not seen.
func (m *Seen[C]) Of(client *C) *Series {
	if s := m.series.Load(); s != nil && m.first.Load() == client {
		return s
	}
	if known := m.others.Load(); known != nil {
		return (*known)[client]
	}
	return nil
}

// Add adds the counters of a client. A nil client is never stored as the first, whose
// place is empty as long as it is nil.
func (m *Seen[C]) Add(client *C, s *Series) {
	if client != nil && m.first.CompareAndSwap(nil, client) {
		m.series.Store(s)
		return
	}
	for {
		known := m.others.Load()
		more := map[*C]*Series{}
		if known != nil {
			more = maps.Clone(*known)
		}
		more[client] = s
		if m.others.CompareAndSwap(known, &more) {
			return
		}
	}
}
