package platform

import (
	"errors"
	"sync"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/platform/internal/waiting"
	"wxproxy/token"
	"wxproxy/token/grants"
)

// An Authorizer is an account that the platform has heard of.
type Authorizer struct {
	mu        sync.Mutex          // guards what follows and is not held during I/O; what requests look at comes first, so that it is one line of the processor's cache
	isStored  bool                // there is a record
	granted   bool                // there is a refresh token, or a token
	waits     bool                // events of it wait
	isWorking bool                // a goroutine acts upon them
	again     bool                // and is to look again
	state     token.Authorization // of the record
	keeper    *token.Keeper       // nil: nobody asked for a token yet, or for a day

	tickets    *token.Tickets
	authorized time.Time     // CreateTime of the event that counts
	refresh    secret.Secret // the refresh token that was stored last
	expires    time.Time     // of the token that was stored last
	problem    error         // why its code is not redeemed yet
	timer      *time.Timer   // nil: none runs
	due        time.Time     // of the timer

	storing sync.Mutex // held from reading or writing the record to noting what it has

	platform *Platform
	appID    string
}

// AppID returns its app id.
func (a *Authorizer) AppID() string { return a.appID }

// Usable returns nil if the account may be served, or a [*NotAuthorized].
func (a *Authorizer) Usable() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.usable()
}

// usable is Usable for who holds a.mu.
func (a *Authorizer) usable() error {
	if a.state == token.Authorized && (a.granted || a.waits) {
		return nil
	}
	state := a.state
	if state == token.Authorized {
		state = token.NeedsAuthorization
	}
	return &NotAuthorized{Platform: a.platform.name(), AppID: a.appID, State: state}
}

// Token is as that of a [token.Keeper]. The error may be a [*NotAuthorized].
func (a *Authorizer) Token(wait time.Duration) (string, error) {
	return a.ask(func(k *token.Keeper) (string, error) { return k.Token(wait) })
}

// Replace is as that of a [token.Keeper]. The error may be a [*NotAuthorized].
func (a *Authorizer) Replace(refused string, wait time.Duration) (string, error) {
	return a.ask(func(k *token.Keeper) (string, error) { return k.Replace(refused, wait) })
}

// ask asks the keeper, and another one if that was about to be dropped. An error is told
// in the words of the account's state, if that is why.
func (a *Authorizer) ask(of func(*token.Keeper) (string, error)) (value string, err error) {
	for range 2 {
		k, unusable := a.Keeper()
		if unusable != nil {
			return "", unusable
		}
		if value, err = of(k); err == nil || !errors.Is(err, token.ErrStopped) {
			break
		}
	}
	if err != nil {
		if unusable := a.Usable(); unusable != nil {
			return "", unusable
		}
	}
	return value, err
}

// With calls use with the keeper, and again with another one if that was about to be dropped.
// The error may be a [*NotAuthorized].
func (a *Authorizer) With(use func(*token.Keeper) error) error {
	_, err := a.ask(func(k *token.Keeper) (string, error) { return "", use(k) })
	return err
}

// Keeper returns the keeper of its token, which is made when it is needed, and another one
// after a day without a call. The error is a [*NotAuthorized].
func (a *Authorizer) Keeper() (*token.Keeper, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.usable(); err != nil {
		return nil, err
	}
	if a.keeper == nil {
		a.keeper = a.newKeeper()
	}
	return a.keeper, nil
}

// Tickets returns the keeper of its tickets, made with ask if there is none.
func (a *Authorizer) Tickets(ask token.FetchTicket) (*token.Tickets, error) {
	k, err := a.Keeper()
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tickets == nil {
		a.tickets = token.NewTickets(ask, k)
	}
	return a.tickets, nil
}

// kept returns the keeper that there is, nil if there is none.
func (a *Authorizer) kept() *token.Keeper {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.keeper
}

// newKeeper returns a keeper of its token.
func (a *Authorizer) newKeeper() *token.Keeper {
	p := a.platform
	source := &grants.Authorizer{Key: p.key(a.appID), Store: p.options.Store, Means: p.means, Heard: a.heard}
	k := token.NewKeeper(p.keeperOptions(token.Options{
		Name: a.appID, AppID: a.appID, Fetch: source.Fetch, Probe: p.wechat.Probe, Issuer: p.issuer, Counted: p.counted,
		Adjusted: &p.eachAdjust,
	}))
	if p.ctx.Err() != nil { // a request that outlived the platform asks
		k.Stop()
		return k
	}
	k.Start()
	return k
}

// heard returns what was last heard of its record.
func (a *Authorizer) heard() token.Granted {
	a.mu.Lock()
	defer a.mu.Unlock()
	return token.Granted{State: a.state, AuthorizedAt: a.authorized, Refresh: a.refresh}
}

// whyWaiting returns why the account's code is not redeemed yet, nil if that is not known.
func (a *Authorizer) whyWaiting() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.waits {
		return nil
	}
	return a.problem
}

// learn notes what an account's record has.
func (a *Authorizer) learn(r *token.Record, q *waiting.Queue) {
	a.mu.Lock()
	a.isStored = true
	ended := a.state != r.State && r.State != token.Authorized
	renewed := !a.authorized.Equal(r.AuthorizedAt) && r.State == token.Authorized
	a.state, a.authorized, a.waits = r.State, r.AuthorizedAt, len(q.Events) > 0
	a.refresh, a.granted = r.Refresh, !r.Refresh.Empty() || !r.Token.Value.Empty()
	if !r.Token.Value.Empty() {
		a.expires = r.Token.Expires
	}
	if r.State != token.Authorized {
		a.expires = time.Time{}
	}
	k := a.keeper
	a.mu.Unlock()
	switch {
	case k == nil:
	case ended:
		a.platform.background(a.drop)
	case renewed && r.Token.ValidAt(time.Now()):
		k.Adopt(r.Token, r.Notice.FetchedAt)
	case renewed:
		k.Retry()
	}
}
