package lograte

import (
	"sync/atomic"
	"time"
)

// A Seldom allows something at most once a minute.
type Seldom struct{ last atomic.Int64 } // when it was allowed last, in Unix nanoseconds

// Allows reports whether it is allowed now, and counts it as done if so.
func (s *Seldom) Allows() bool {
	last, now := s.last.Load(), time.Now().UnixNano()
	return (last == 0 || now-last >= int64(every)) && s.last.CompareAndSwap(last, now)
}
