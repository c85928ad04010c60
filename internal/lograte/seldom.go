package lograte

import (
	"sync/atomic"
	"time"
)

// A Seldom lets something be said once a minute.
type Seldom struct{ last atomic.Int64 } // when, in Unix nanoseconds

// Now reports whether it may be said now, which then counts as said.
func (s *Seldom) Now() bool {
	last, now := s.last.Load(), time.Now().UnixNano()
	return (last == 0 || now-last >= int64(time.Minute)) && s.last.CompareAndSwap(last, now)
}
