package traffic

// A RequestCount is how many requests of a client for an account were answered
// with a status; 0 stands for all statuses that are not counted apart. Account and
// Client are empty where the request had none that is configured.
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

// A RetryCount is how many requests whose token was refused with an errcode came to one
// outcome.
type RetryCount struct {
	Account string
	Errcode int
	Outcome RetryOutcome
	N       uint64
}

// A FailureCount is how many requests of a client, "" for requests of none, the proxy
// answered with an error of its own for one reason: the error's slug, or WeChat's
// errcode where the proxy speaks in WeChat's words, or OtherReason.
type FailureCount struct {
	Client, Reason string
	N              uint64
}

// OtherReason stands for the reasons that are not counted apart.
const OtherReason = "other"

// maxReasons is how many reasons of one client are counted apart.
const maxReasons = 40

// Failure counts a request that was answered with an error of the proxy's.
func (c *Counts) Failure(client, reason string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	reasons := c.failures[client]
	if reasons == nil {
		reasons = map[string]uint64{}
		c.failures[client] = reasons
	}
	if _, known := reasons[reason]; !known && len(reasons) >= maxReasons {
		reason = OtherReason
	}
	reasons[reason]++
}

// A Snapshot is what was counted since the start. Its order means nothing.
type Snapshot struct {
	Requests []RequestCount
	Errcodes []ErrcodeCount
	Retries  []RetryCount
	Failures []FailureCount
	Durations
}

// Snapshot returns what was counted until now.
func (c *Counts) Snapshot() *Snapshot {
	s := &Snapshot{Durations: c.sumDurations()}
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, a := range c.accounts {
		s.add(name, a)
	}
	for client, reasons := range c.failures {
		for reason, n := range reasons {
			s.Failures = append(s.Failures, FailureCount{client, reason, n})
		}
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
