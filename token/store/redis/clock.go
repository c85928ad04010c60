package redis

import "time"

// setClock notes what the clock of Redis shows in an answer to what was sent. A
// slow answer tells little.
func (s *Store) setClock(sent time.Time, now int64) {
	const slow = 20 * time.Millisecond
	s.mu.Lock()
	defer s.mu.Unlock()
	took := time.Since(sent)
	zero := now - (sent.Sub(s.began) + took/2).Milliseconds()
	if off := time.Duration(zero-s.zero) * time.Millisecond; took < slow || off.Abs() > timeout {
		s.zero = zero
	}
}

// clock returns what the clock of Redis shows at t, in Unix milliseconds, and 0
// for no time. The clocks of replicas do not matter.
func (s *Store) clock(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.zero + t.Sub(s.began).Milliseconds()
}

// at returns the time when the clock of Redis shows ms, and none for 0.
func (s *Store) at(ms int64) time.Time {
	if ms <= 0 || ms > largest {
		return time.Time{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.began.Add(time.Duration(ms-s.zero) * time.Millisecond)
}
