package platform

import (
	"time"

	"wxproxy/token"
)

// The states of a platform, and of the accounts that have authorized it.
const (
	StateReady              = "ready"
	StateFailing            = "failing"
	StateNoTicket           = "no_ticket"                      // of a platform
	StateNeedsAuthorization = string(token.NeedsAuthorization) // of an account
	StateUnauthorized       = string(token.Unauthorized)       // of an account
)

// A Status tells how a platform is. It holds no secret.
type Status struct {
	Name, AppID   string
	State         string            // StateReady, StateNoTicket or StateFailing
	TicketArrived time.Time         // zero: there is none
	Token         token.Status      // of the component's token
	Authorizers   map[string]int    // how many are in each state
	Problem       token.Explanation // what is wrong, and what to do about it; its Reason is empty if nothing is
	Waiting       int               // accounts of which events were not acted upon or not forwarded yet
	Loaded        bool              // what the store has of the authorizers is known
	ListedAt      time.Time         // when the list of authorizers was last read; zero: not yet
}

// Status returns how the platform is now.
func (p *Platform) Status() Status {
	s := Status{
		Name: p.name(), AppID: p.options.AppID, State: StateReady, Token: p.component.Status(), Loaded: p.Loaded(),
		Authorizers: map[string]int{StateReady: 0, StateFailing: 0, StateNeedsAuthorization: 0, StateUnauthorized: 0},
	}
	if t := p.ticket.Load(); t != nil {
		s.TicketArrived = t.arrived
	}
	p.listings.stateMu.Lock()
	s.ListedAt = p.listings.at
	p.listings.stateMu.Unlock()
	p.each(func(a *Authorizer) {
		state, _ := a.condition()
		s.Authorizers[state]++
		if a.hasWaiting() {
			s.Waiting++
		}
	})
	s.Problem = s.Token.Problem()
	ticket, address := p.currentTicket(), p.refusedAddress()
	switch refused := p.fetch.Refusal(ticket); {
	case !s.Loaded && p.unread.Load() != nil: // or nobody knows whether there is a ticket
		s.State, s.Problem = StateFailing, p.Explain(*p.unread.Load())
	case ticket.Empty():
		s.State, s.Problem = StateNoTicket, p.lacksTicket()
	case refused != nil:
		s.State, s.Problem = StateNoTicket, s.Token.Issuer.Explain(refused)
	case s.Problem.Reason != "":
		s.State = StateFailing
	case address != nil:
		s.State, s.Problem = StateFailing, s.Token.Issuer.Explain(address)
	case time.Since(s.TicketArrived) >= ticketsLate: // all goes well, for twelve hours at most
		s.Problem = s.Token.Issuer.Explain(token.ErrNoTicket)
		s.Problem.Reason = "no component_verify_ticket has come since " + s.TicketArrived.UTC().Format(time.RFC3339) + "; the last one is good for 12 hours"
	}
	return s
}

// An AuthorizerStatus tells how an account that has authorized a platform is.
type AuthorizerStatus struct {
	AppID      string
	State      string            // StateReady, StateFailing, StateNeedsAuthorization or StateUnauthorized
	Expires    time.Time         // of its token; zero: there is none
	Authorized time.Time         // CreateTime of the event that counts; zero: not known
	Problem    token.Explanation // what is wrong, and what to do about it; its Reason is empty if nothing is
}

// Status returns how the account is now.
func (a *Authorizer) Status() AuthorizerStatus {
	state, err := a.condition()
	s := AuthorizerStatus{AppID: a.appID, State: state}
	if err != nil {
		s.Problem = a.platform.Explain(err)
	}
	a.mu.Lock()
	s.Authorized, s.Expires = a.authorized, a.expires
	k := a.keeper
	a.mu.Unlock()
	if k != nil {
		if kept := k.Status(); !kept.Expires.IsZero() || kept.LastError != nil { // else it has not looked into the store yet
			s.Expires = kept.Expires
		}
	}
	if !time.Now().Before(s.Expires) || state == StateUnauthorized {
		s.Expires = time.Time{}
	}
	return s
}

// condition returns the account's state, and what is wrong.
func (a *Authorizer) condition() (state string, err error) {
	a.mu.Lock()
	err, problem, k := a.usable(), a.problem, a.keeper
	if !a.waits {
		problem = nil
	}
	if unusable, ok := err.(*NotAuthorized); ok { //nolint:errorlint // usable returns it as it is
		a.mu.Unlock()
		return string(unusable.State), err
	}
	a.mu.Unlock()
	if k != nil {
		if s := k.Status(); s.LastError != nil {
			return StateFailing, s.LastError
		}
	}
	if problem != nil {
		return StateFailing, problem
	}
	return StateReady, nil
}

func (a *Authorizer) hasWaiting() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.waits
}
