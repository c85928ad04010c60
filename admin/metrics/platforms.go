package metrics

import (
	"time"

	"wxproxy/platform"
	"wxproxy/token"
)

// A Platform is a third-party platform. Its functions are methods of a [platform.Platform].
type Platform struct {
	Component Account // the platform itself
	Status    func() platform.Status
	Fetches   func() []token.FetchCount // of the tokens of its authorizers
}

// NewPlatform returns what is told of p, which has this name.
func NewPlatform(name string, p *platform.Platform) Platform {
	own := p.Component()
	return Platform{Component: Account{Name: name, Status: own.Status, Fetches: own.Fetches, Denials: p.Denials}, Status: p.Status, Fetches: p.Fetches}
}

// accountsOf returns the platforms as accounts, and all that have authorized one as one.
func accountsOf(platforms []Platform) (accounts []Account) {
	for _, p := range platforms {
		accounts = append(accounts, p.Component, Account{
			Name: p.Component.Name + "/*", Fetches: p.Fetches, Denials: func() []token.DenialCount { return nil },
		})
	}
	return accounts
}

// platform tells how a platform is, and how many of its authorizers are in each state.
func (s text) platform(p Platform) {
	name, now := p.Component.Name, p.Status()
	s.gauge(platformTicket, seconds(now.TicketArrived), name)
	s.gauge(platformListed, seconds(now.ListedAt), name)
	s.gauge(platformEvents, float64(now.Waiting), name)
	for state, n := range now.Authorizers {
		s.gauge(platformAuthorizers, float64(n), name, state)
	}
}

// seconds returns t as Prometheus has it, 0 if it is no time.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / float64(time.Second/time.Millisecond)
}
