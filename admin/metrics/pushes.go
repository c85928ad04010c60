package metrics

import (
	"context"
	"time"

	"wxproxy/push"
	"wxproxy/push/inbox"
)

// Pushes are what WeChat pushes. The functions are methods of a [push.Receiver] and of an
// [inbox.Inbox].
type Pushes struct {
	Accounts []string // that have pushes
	Snapshot func() push.Snapshot
	Inbox    func(context.Context) (inbox.State, error)
}

// inboxPatience is how long the inbox may take to say what it has. Without an answer it
// has no series in that scrape.
const inboxPatience = 3 * time.Second

// The outcomes and the reason that alerts look for.
const (
	pushFailed   = "failed"
	pushRefused  = "refused"
	badSignature = "signature"
)

// pushes tells what became of pushes, and what waits.
func (s text) pushes(p *Pushes) {
	snapshot := p.Snapshot()
	for c, n := range withZeros(snapshot.Pushes, p.Accounts) {
		s.counter(pushes, n, c.Account, c.Outcome, c.Type)
	}
	for _, account := range first(p.Accounts) {
		if refusal := (push.Refusal{Account: account, Reason: badSignature}); snapshot.Refusals[refusal] == 0 {
			s.counter(pushRefusals, 0, account, badSignature)
		}
		if snapshot.Dropped[account] == 0 {
			s.counter(copiesDropped, 0, account)
		}
	}
	for r, n := range snapshot.Refusals {
		s.counter(pushRefusals, n, r.Account, r.Reason)
	}
	for account, n := range snapshot.Dropped {
		s.counter(copiesDropped, n, account)
	}
	s.histogram(pushDurations, measured{push.DurationBounds[:], snapshot.Durations.Counts[:], snapshot.Durations.Total})
	s.inbox(p)
}

// withZeros adds to what was counted, as 0, what alerts look for and has not happened yet:
// a push that is refused, and one that fails of each type that there was.
func withZeros(counts map[push.Count]uint64, accounts []string) map[push.Count]uint64 {
	all := make(map[push.Count]uint64, len(counts))
	for c, n := range counts {
		if c.Outcome != pushRefused {
			all[push.Count{Account: c.Account, Type: c.Type, Outcome: pushFailed}] += 0
		}
		all[c] += n
	}
	for _, account := range first(accounts) {
		all[push.Count{Account: account, Outcome: pushRefused}] += 0
	}
	return all
}

// first returns as many accounts as have zeros.
func first(accounts []string) []string {
	if len(accounts) > maxZeros {
		return nil
	}
	return accounts
}

// inbox tells what waits.
func (s text) inbox(p *Pushes) {
	ctx, cancel := context.WithTimeout(context.Background(), inboxPatience)
	defer cancel()
	state, err := p.Inbox(ctx)
	if err != nil {
		return // the log has it
	}
	waiting, failed, oldest := 0, 0, 0.0
	for _, n := range state.Waiting {
		waiting += n
	}
	for _, n := range state.Failed {
		failed += n
	}
	if !state.Oldest.IsZero() {
		oldest = max(0, time.Since(state.Oldest).Seconds())
	}
	s.gauge(inboxWaiting, float64(waiting))
	s.gauge(inboxFailed, float64(failed))
	s.counter(inboxLost, state.Lost)
	s.gauge(inboxBytes, float64(state.Bytes))
	s.gauge(inboxMax, float64(state.Max))
	s.gauge(inboxOldest, oldest)
}
