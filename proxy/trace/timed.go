package trace

import "time"

// A Timed is a span with the times that it will tell. The methods of a nil one do nothing:
// without tracing nobody reads the clock.
type Timed struct {
	Span
	TokenWait, AtWeChat time.Duration
}

// Now returns the time for a later add.
func (s *Timed) Now() (began time.Time) {
	if s != nil {
		began = time.Now()
	}
	return began
}

// AddTokenWait adds the time since began to what was waited for a token or a ticket.
func (s *Timed) AddTokenWait(began time.Time) {
	if s != nil {
		s.TokenWait += time.Since(began)
	}
}

// AddAtWeChat adds the time since began to what WeChat took.
func (s *Timed) AddAtWeChat(began time.Time) {
	if s != nil {
		s.AtWeChat += time.Since(began)
	}
}
