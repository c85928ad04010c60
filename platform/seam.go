package platform

import (
	"context"
	"errors"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// A Platform is one third-party platform. Its methods may be called concurrently.
type Platform struct{ options Options }

// New returns a Platform that does nothing before it is started.
func New(o Options) *Platform { return &Platform{options: o} }

var errSeam = errors.New("not built yet")

// Start reads what the store has, and begins to act upon events.
func (p *Platform) Start() {}

// Stop ends what is under way, and waits for it.
func (p *Platform) Stop() {}

// Loaded reports whether what the store has of the authorizers is known.
func (p *Platform) Loaded() bool { return false }

// Event takes an event. When the error is nil, what it says is durable, and WeChat gets
// "success" unless it is PassOn.
func (p *Platform) Event(_ context.Context, _ Push) (Taken, error) { return PassOn, errSeam }

// Component returns the keeper of the component's token.
func (p *Platform) Component() *token.Keeper { return nil }

// Authorizer returns an account that the platform has heard of.
func (p *Platform) Authorizer(appID string) (a *Authorizer, isKnown bool) { return nil, false }

// Redeem redeems an authorization code that a program shows, unless that was done, and
// returns the app id of the account whose tokens are stored then.
func (p *Platform) Redeem(_ context.Context, _ secret.Secret) (appID string, err error) {
	return "", errSeam
}

// A Recovery is what reading the list of authorizers brought.
type Recovery struct{ Listed, Restored, Ended int }

// Recover reads the list of authorizers.
func (p *Platform) Recover(_ context.Context) (Recovery, error) { return Recovery{}, errSeam }

// An Authorization is what a merchant is asked for.
type Authorization struct {
	RedirectURI string
	AuthType    string // empty: WeChat decides
	BizAppID    string // empty: the merchant chooses
	Mobile      bool   // the page is for phones
}

// AuthorizeURL returns the page that asks a merchant for an authorization, with a new
// pre_auth_code, and how long that lives.
func (p *Platform) AuthorizeURL(_ context.Context, _ Authorization) (page string, life time.Duration, err error) {
	return "", 0, errSeam
}

// A Reply is what WeChat's check before a platform is published gets.
type Reply struct{ Body []byte } // XML in the clear; empty: "success"

// Check answers a message of WeChat's check before a platform is published, and reports
// whether it is one.
func (p *Platform) Check(_ Push) (r Reply, isCheck bool) { return Reply{}, false }

// An Authorizer is an account that the platform has heard of.
type Authorizer struct{}

// AppID returns its app id.
func (a *Authorizer) AppID() string { return "" }

// Usable returns nil if the account can be served, or a [NotAuthorized].
func (a *Authorizer) Usable() error { return errSeam }

// Token is as that of a [token.Keeper].
func (a *Authorizer) Token(_ time.Duration) (string, error) { return "", errSeam }

// Replace is as that of a [token.Keeper].
func (a *Authorizer) Replace(_ string, _ time.Duration) (string, error) { return "", errSeam }

// Keeper returns the keeper of its token, which is made when it is needed. It may be another one
// each time.
func (a *Authorizer) Keeper() *token.Keeper { return nil }

// A Status tells how a platform is. It holds no secret.
type Status struct {
	Name, AppID   string
	State         string         // "ready", "no_ticket" or "failing"
	TicketArrived time.Time      // zero: there is none
	Token         token.Status   // of the component's token
	Authorizers   map[string]int // how many are in each state
	Problem       token.Explanation
}

// Status returns how the platform is now.
func (p *Platform) Status() Status { return Status{} }

// An AuthorizerStatus tells how an account that has authorized a platform is.
type AuthorizerStatus struct {
	AppID      string
	State      string    // "ready", "failing", "needs_authorization" or "unauthorized"
	Expires    time.Time // of its token; zero: there is none
	Authorized time.Time // CreateTime of the event that counts; zero: not known
	Problem    token.Explanation
}

// Authorizers returns limit authorizers from offset on, by app id, and how many there are, of
// the given state if that is not empty.
func (p *Platform) Authorizers(_, _ int, _ string) (total int, page []AuthorizerStatus) {
	return 0, nil
}
