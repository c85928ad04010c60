// Package proxy is a reverse proxy for WeChat's server API that adds what every
// call needs: the account's access token. When WeChat refuses the token, the
// request is sent once more with a good one, and the caller sees one ordinary
// answer.
//
// The package knows nothing of how tokens are kept: it asks a [Tokens].
package proxy

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/byhost"
	"wxproxy/proxy/internal/sites"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/traffic"
)

// A Proxy answers callers with what WeChat answers. Its Handle may be called
// concurrently.
type Proxy struct {
	config         Config
	accounts       map[string]*Account // by name and by app_id
	platforms      []*platform
	corps          map[string][]*Account // by the corp's id, where that is an app_id
	fallback       *Account              // nil without a default
	byID           map[virtual.ID]*Account
	hostNames      sites.Names
	clients        clientTable
	anyone         Client                // every caller, when there are no clients
	withoutAccount traffic.Seen[Client]  // of requests that have no account
	kinds          []*kind               // of the accounts
	likelyKind     func(*exchange) *kind // which of them a request is probably about
	kindOfHost     byhost.Table[*kind]
	hosts          []string // of all kinds, in lower case: those that an absolute-form request may name

	tokenParameters []string // of all kinds

	exchanges sync.Pool // of *exchange
	inFlight  atomic.Int64
	door      *door
}

// New returns a Proxy for a valid config.
func New(config Config) *Proxy {
	p := &Proxy{
		door:     newDoor(config),
		config:   config,
		accounts: make(map[string]*Account, 2*len(config.Accounts)),
		byID:     make(map[virtual.ID]*Account, len(config.Accounts)),
		corps:    map[string][]*Account{},
		clients:  newClientTable(config.Clients, config.Deployment),
	}
	accounts := newAccounts(config.Accounts, config.Deployment)
	for _, pl := range config.Platforms {
		accounts = append(accounts, newAccounts([]Account{pl.Account}, config.Deployment)...)
	}
	p.addPlatforms(accounts[len(config.Accounts):])
	p.addKinds(accounts)
	p.hostNames = sites.NamesOf(p.hosts, config.HostNames)
	for _, a := range accounts {
		if len(config.Clients) == 0 {
			a.honourEarlierBuild()
		}
		p.byID[a.id] = a
	}
	p.nameAccounts(accounts)
	p.fallback = p.accounts[config.Default]
	if len(config.Accounts) == 1 {
		p.fallback = p.accounts[config.Accounts[0].Name]
	}
	for _, c := range p.clients.byName {
		p.readRights(c)
	}
	p.config.Accounts, p.config.Platforms = nil, nil // the maps have them
	p.door.current.Store(p)
	return p
}

func (p *Proxy) handle(ctx *fasthttp.RequestCtx, maxBody int64) {
	x := p.begin(ctx, maxBody)
	defer p.release(x)

	err := p.safely(x, p.serve)
	if err != nil {
		x.refuse(err)
	}
	x.closes = x.closes || !p.mayStayOpen(x, err)
	x.discardRest(err != nil)
	if p.door.leaving.Load() || x.closes {
		ctx.Response.SetConnectionClose()
	}
	p.conclude(x, err)
}

// safely has do answer, and keeps the process alive if that panics. The log gets the stack alone: the
// panic's own words could hold a part of the request.
func (p *Proxy) safely(x *exchange, do func(*exchange) error) (err error) {
	defer func() {
		if recover() != nil {
			p.config.Log.Error("panic while answering a request", "stack", string(debug.Stack()))
			err = refuse(internalError, "the proxy made a mistake; its log says more")
		}
	}()
	return x.inWords(do(x))
}

// serve answers a request: it decides about the header, reads the body, waits until the
// client may make one request more, and has the class of the path answer. A body that
// may say who calls is read before that, and is small.
func (p *Proxy) serve(x *exchange) error {
	if err := p.judge(x); err != nil {
		return err
	}
	class := x.route.class
	early := x.route.traits.callerInBody || x.hasMembers // its body may say who calls
	if early {
		if err := p.takeBody(x); err != nil {
			return err
		}
	}
	if t := &x.route.traits; t.callerInBody || t.isOpen {
		return class.answer(p, x)
	}
	if p.carriesSecret(x) {
		return errMisplacedSecret
	}
	if err := x.client.quota.Enter(); err != nil {
		return err
	}
	defer x.leaveQuota()
	if !early {
		if err := p.takeBody(x); err != nil {
			return err
		}
	}
	return class.answer(p, x)
}

// judge decides about a request by its header alone, so that no body is read before it
// is clear that the request may be sent.
func (p *Proxy) judge(x *exchange) error {
	if err := x.readHeader(); err != nil {
		return err
	}
	if !x.caller.MeetsTLS(p.config.CallersTLS) {
		x.closes = true
		return errOldCertificate
	}
	err := p.admit(x)
	if c := x.caller; c.IsSurplus() && !c.Admit(err == nil && p.isAuthenticated(x.client), p.asksForKeys()) {
		x.closes = true
		return &failure{problem: tooManyConnections, detail: "max_connections callers are connected already", retryAfter: time.Second}
	}
	if err != nil {
		return err
	}
	x.admitted = x.account != nil
	if x.route.Credential == accountkind.CredentialDeny {
		return errDenied
	}
	return x.checkLength()
}

// expectContinue decides about a request whose caller sends the body only after the
// status 100 (Expect: 100-continue). The refused ones never send theirs.
func (p *Proxy) expectContinue(ctx *fasthttp.RequestCtx, maxBody int64) int {
	x := p.begin(ctx, maxBody)
	defer p.release(x)
	x.began = time.Now() // the context has the time of the request before
	err := p.safely(x, p.judge)
	if err == nil {
		return fasthttp.StatusContinue
	}
	x.refuse(err)
	x.caller.Linger()
	p.conclude(x, err)
	return ctx.Response.StatusCode()
}

// answerUnreadable refuses bytes that are no request. A connection that ended without a
// byte is neither counted nor logged.
func (p *Proxy) answerUnreadable(ctx *fasthttp.RequestCtx, refusal *failure) {
	x := p.begin(ctx, 0)
	defer p.release(x)
	x.began = time.Now() // it never arrived
	x.refuse(refusal)
	if x.caller == nil || x.caller.HasSent() {
		p.conclude(x, refusal)
	}
}
