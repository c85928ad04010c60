package proxy

// A RequestCount is how many requests of a client for an account were answered
// with a status, 0 for other ones. Account and Client are empty where the
// request had none that is configured.
type RequestCount struct {
	Account, Client string
	Status          int
	N               uint64
}

// An ErrcodeCount is how many of WeChat's answers for an account had an errcode
// other than 0, or OtherErrcode.
type ErrcodeCount struct {
	Account string
	Errcode int
	N       uint64
}

// A RetryCount is how many requests whose token was refused came to an end.
type RetryCount struct {
	Account string
	Errcode int
	Outcome RetryOutcome
	N       uint64
}

// A Snapshot is what was counted since the start. Its order means nothing.
type Snapshot struct {
	Requests []RequestCount
	Errcodes []ErrcodeCount
	Retries  []RetryCount
	Durations
}

// Snapshot returns what was counted until now.
func (c *Counts) Snapshot() *Snapshot {
	s := &Snapshot{Durations: c.Durations()}
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, a := range c.accounts {
		s.add(name, a)
	}
	return s
}

func (s *Snapshot) add(account string, a *accountCounts) {
	for client, series := range a.clients {
		for status, n := range series.all() {
			s.Requests = append(s.Requests, RequestCount{account, client, status, n})
		}
	}
	for errcode, n := range a.errcodes {
		s.Errcodes = append(s.Errcodes, ErrcodeCount{account, errcode, n})
	}
	for r, n := range a.retries {
		s.Retries = append(s.Retries, RetryCount{account, r.errcode, r.outcome, n})
	}
}
