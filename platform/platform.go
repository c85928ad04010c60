// Package platform is a third-party platform (开放平台第三方平台): the events that WeChat
// sends it, its component_verify_ticket, its own token, and the tokens of the accounts that
// have authorized it, however many.
//
// What WeChat hands out only once is in the store before anything else happens: an event
// before WeChat gets "success", a refresh token before the token that came with it is used.
package platform

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/internal/background"
	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/grants"
	"wxproxy/token/wechat"
)

// Options say which platform it is, and with what it works.
type Options struct {
	Name   string // of the platform, for its users
	AppID  string // component_appid
	HTTP   *http.Client
	URL    string                        // scheme and host of WeChat
	Secret func() (secret.Secret, error) // component_appsecret, read whenever it is sent
	Store  token.PlatformStore           // what was granted; never nil
	Shared Shared                        // the Store, if other processes use it, too; nil: none does
	Turns  Turns                         // where Shared is nil, keeps apart the Platforms of one AppID; nil: there is one

	ReadsList     bool              // the Store starts empty: the list of authorizers is read at the start
	Queue         *background.Queue // of what no caller waits for; nil: it starts at once
	RefreshBefore time.Duration     // so long before its expiry a token is due; 0: five minutes
	Lent          bool              // programs get the tokens to keep them for a while
	PublishCheck  bool              // WeChat's check before a platform is published is answered

	// Forward hands an event to programs, once what it says was acted upon, and returns nil
	// when that is durable. It may be called twice with the same event after a crash.
	// nil: events are forwarded to nobody.
	Forward func(context.Context, Push) error

	Log *slog.Logger // nil: nothing is logged
}

// Shared is a store that replicas share.
type Shared interface {
	token.Sharer
	token.Follower
}

// A Platform is one third-party platform. Its methods may be called concurrently.
type Platform struct {
	options   Options
	wechat    *wechat.Component
	fetch     *grants.Component
	means     *grants.Means
	component *token.Keeper
	own       token.Key // of the component's record
	issuer    *token.Issuer

	settings   atomic.Pointer[settings]
	lines      *lines           // of the log, about its accounts
	ownAdjust  token.Adjustment // of the component's keeper
	eachAdjust token.Adjustment // of its accounts' keepers

	ticket   atomic.Pointer[ticket] // nil: none is known
	listings listings
	redeemed redemptions
	fetches  fetches // of its accounts' tokens
	failures failures
	address  address
	hearing  hearing
	slots    chan struct{} // holds one for each account whose events are acted upon

	ctx              context.Context // of what goes on in the background
	cancel           context.CancelFunc
	loaded           atomic.Bool // what the store has is known
	isAddressRefused atomic.Bool
	unfed            atomic.Pointer[error] // why WeChat did not begin to send tickets when it was last asked; nil: it does
	unread           atomic.Pointer[error] // why the store was not read when that was tried last; nil: it was not tried
	work             sync.WaitGroup        // of all in the background

	mu          sync.RWMutex // guards what follows
	authorizers map[string]*Authorizer
	unfollow    func()
	stopped     bool
	isStarted   bool
}

// New returns a Platform that does nothing before it is started.
func New(o Options) *Platform {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Platform{
		options: o, own: token.Key{Platform: o.AppID, AppID: o.AppID},
		issuer: explaining(wechat.NewAuthorizerIssuer(), o.Name), authorizers: map[string]*Authorizer{}, slots: make(chan struct{}, atATime),
	}
	p.lines = newLines(o.Log.Handler())
	p.set(Settings{o.Name, o.RefreshBefore, o.Lent})
	p.listings.begin()
	p.listings.isMissing = o.ReadsList
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.redeemed.begin()
	p.hearing.begin()
	p.failures.begin()
	p.wechat = &wechat.Component{HTTP: o.HTTP, URL: o.URL, AppID: o.AppID, Secret: o.Secret}
	p.fetch = &grants.Component{Ticket: p.currentTicket, Ask: p.askComponent}
	p.component = token.NewKeeper(p.keeperOptions(token.Options{
		Name: o.Name, AppID: o.AppID, Fetch: p.fetch.Fetch, Probe: p.wechat.Probe, Issuer: explaining(wechat.NewComponentIssuer(), o.Name), Renewed: p.fetch.Renewed, SecretChanged: p.wechat.SecretChanged,
		Adjusted: &p.ownAdjust, Counted: p.ownCounted,
	}))
	p.wechat.Tokens = (*ownTokens)(p)
	p.means = &grants.Means{Ask: p.askAccount, Recover: p.recoverRefresh}
	return p
}

// keeperOptions returns o with what is the same for all keepers of the platform.
func (p *Platform) keeperOptions(o token.Options) token.Options {
	o.Platform, o.Kind, o.Lazy = p.options.AppID, token.Rotating{}, true
	o.Store, o.Queue, o.Log = p.options.Store, p.options.Queue, p.options.Log
	if o.AppID != p.options.AppID {
		o.Log = slog.New(p.lines)
	}
	o.Spread = o.AppID != p.options.AppID
	if p.options.Shared != nil {
		o.Shared = p.options.Shared
	}
	return o
}

// Start reads what the store has, in the background, and begins to act upon events.
func (p *Platform) Start() {
	p.component.Start()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isStarted || p.stopped {
		return
	}
	p.isStarted = true
	if p.options.Shared != nil {
		p.unfollow = p.options.Shared.Follow(p.options.AppID, p.heard)
		p.work.Go(func() { background.Persist(p.ctx, p.log(), p.catchUp) })
		p.work.Go(func() { background.Persist(p.ctx, p.log(), p.hear) })
	}
	p.work.Go(func() { background.Persist(p.ctx, p.log(), p.run) })
	p.work.Go(func() { background.Persist(p.ctx, p.log(), p.retryAccounts) })
}

// Stop ends what is under way, and waits for it.
func (p *Platform) Stop() {
	p.mu.Lock()
	p.stopped = true
	unfollow := p.unfollow
	p.cancel() // from now on no account gets another keeper that would go on
	var keepers []*token.Keeper
	for _, a := range p.authorizers {
		if k := a.kept(); k != nil {
			keepers = append(keepers, k)
		}
	}
	p.mu.Unlock()
	if unfollow != nil {
		unfollow()
	}
	var all sync.WaitGroup
	for _, k := range append(keepers, p.component) {
		all.Go(k.Stop)
	}
	all.Wait()
	p.work.Wait()
	p.lines.counts.flush()
}

// background runs do beside, unless the platform is stopped.
func (p *Platform) background(do func()) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if !p.stopped {
		p.work.Go(func() { p.survive(do) })
	}
}

// Loaded reports whether what the store has of the authorizers is known.
func (p *Platform) Loaded() bool { return p.loaded.Load() }

// Component returns the keeper of the component's token. Without a usable ticket its
// errors wrap [token.ErrNoTicket].
func (p *Platform) Component() *token.Keeper { return p.component }
