// Package platforms has the third-party platforms of a process run for as long as any
// configuration needs them, and tells the proxy of them in its own words.
package platforms

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"

	"wxproxy/internal/secret"
	"wxproxy/platform"
	"wxproxy/platform/event"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

// Running is a platform that lives over reloads, which change its settings, its name too, and
// where its AppSecret comes from. Only another app id makes it another one.
type Running struct {
	*platform.Platform
	appID  string
	wechat *wechat.Component // asks for codes with which authorizations begin
	ticket token.FetchTicket // asks for tickets of its accounts
	read   atomic.Pointer[ReadSecret]
	uses   int // guarded by All.mu
}

// ReadSecret reads an AppSecret.
type ReadSecret func() (secret.Secret, error)

// errNoSecret says that nobody has told yet where the AppSecret is.
var errNoSecret = errors.New("the component_appsecret is not known yet")

// newRunning returns a platform that was not started. Its options have no Secret.
func newRunning(o platform.Options) *Running {
	r := &Running{appID: o.AppID}
	o.Secret = r.secret
	r.Platform = platform.New(o)
	r.wechat = &wechat.Component{HTTP: o.HTTP, URL: o.URL, AppID: o.AppID, Secret: r.secret, Tokens: r.Component()}
	r.ticket = (&wechat.Client{HTTP: o.HTTP, URL: o.URL, AppID: o.AppID}).Ticket
	return r
}

func (r *Running) secret() (secret.Secret, error) {
	if read := r.read.Load(); read != nil {
		return (*read)()
	}
	return secret.Secret{}, errNoSecret
}

// ReadSecretWith has the AppSecret be what read returns from now on.
func (r *Running) ReadSecretWith(read ReadSecret) { r.read.Store(&read) }

// Events returns what takes the platform's events. Unless it checks, WeChat's check before a
// platform is published is left to programs.
func (r *Running) Events(checks bool) Events { return Events{r, checks} }

// Events takes what WeChat tells a platform.
type Events struct {
	of     *Running
	checks bool
}

// Event does what that of the platform does.
func (e Events) Event(ctx context.Context, p event.Push) (event.Taken, error) {
	return e.of.Event(ctx, p)
}

// Check does what that of the platform does, if WeChat's check is answered.
func (e Events) Check(appID string, plain []byte) (reply []byte, isCheck bool) {
	if !e.checks {
		return nil, false
	}
	return e.of.Check(appID, plain)
}

// All are the platforms of a process. The zero value has none.
type All struct {
	turns turns

	mu      sync.Mutex          // guards what follows, and the uses of those that run
	running map[string]*Running // by app id: what the store has of one is acted upon once
}

// Take returns the platform that the options are of: the one that runs, or else a new one,
// which was not started. Who takes it drops it.
func (a *All) Take(o platform.Options) *Running {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.running[o.AppID]
	if r == nil {
		o.Turns = &a.turns
		r = newRunning(o)
		if a.running == nil {
			a.running = map[string]*Running{}
		}
		a.running[o.AppID] = r
	}
	r.uses++
	return r
}

// Drop stops a platform that nobody else has taken, and waits until that is done.
func (a *All) Drop(r *Running) {
	a.mu.Lock()
	r.uses--
	isLast := r.uses == 0
	if isLast {
		delete(a.running, r.appID)
	}
	a.mu.Unlock()
	if isLast {
		r.Stop()
	}
}

// DropAll drops each of these.
func (a *All) DropAll(taken []*Running) {
	var stopping sync.WaitGroup
	for _, r := range taken {
		stopping.Go(func() { a.Drop(r) })
	}
	stopping.Wait()
}

// A Transport sends each request as round says, which may be another way each time.
type Transport func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) { return t(req) }
