// Package proxy is a reverse proxy for WeChat's server API that adds what every
// call needs: the account's access token. When WeChat refuses the token, the
// request is sent once more with a good one, and the caller sees one ordinary
// answer.
//
// The package knows nothing of how tokens are kept: it asks a [Tokens].
package proxy

import (
	"crypto/tls"
	"log/slog"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/upstream"
)

// Upstream sends a request to WeChat and reads the answer into resp. *[Hosts]
// implements it.
type Upstream interface {
	// Send returns when the answer is in resp, all of it or its header and a
	// stream of its body. An answer that refuses a token is always there in full.
	// The error is one of the reasons that begin with Err.
	Send(m *upstream.Message, resp *fasthttp.Response) error
}

// BodyFilesShare says which part of all files that may be open bodies take at most.
const BodyFilesShare = body.FilesShare

// Config says what a Proxy serves.
type Config struct {
	Accounts      []Account
	Default       string              // name of the account of callers that name none; may be empty
	Clients       []Client            // none: callers need no key
	Routes        []accountkind.Route // they win over the built-in table
	RetryErrcodes []int               // an answer with one of these errcodes refuses the token
	TokenEndpoint TokenEndpoint       // what callers get who ask for a token
	Deployment    string              // whose virtual tokens are good here: those of another are not
	OwnHosts      []string            // hosts, in lower case, that an absolute-form request may name
	HostNames     []string            // further names by which callers without a key may know a proxy on loopback
	TokenWait     time.Duration       // how long a request waits for a token when there is none
	Upstream      Upstream
	CallersTLS    *tls.Config // how callers are spoken to now; nil: in plain text
	Log           *slog.Logger
	MemoryLimit   int64               // of the process, which bounds what bodies may take; 0: none
	LogAccess     bool                // log one line per request, and give each an id; at debug level it is logged anyway
	Counts        *traffic.Counts     // nil: nothing is counted
	Ready         func(all bool) bool // whether requests to one account can be answered, or to all; nil: they can

	// Hides reports whether a word is a secret that the log must not show, of those
	// that are not the clients'; nil: none is. It is asked while a line is written.
	Hides func(word []byte) bool
}

// A Proxy answers callers with what WeChat answers. Its Handle may be called
// concurrently.
type Proxy struct {
	config     Config
	accounts   map[string]*Account // by name and by app_id
	fallback   *Account            // nil without a default
	byID       map[virtual.ID]*Account
	hostNames  map[string]bool
	clients    clientTable
	anyone     Client // every caller, when there are no clients
	strangers  met    // those who named no account
	local      routeTable
	configured routeTable
	builtin    routeTable
	exchanges  sync.Pool // of *exchange
	inFlight   atomic.Int64
	door       *door
}

// New returns a Proxy for a valid config.
func New(config Config) *Proxy {
	p := &Proxy{
		door:       newDoor(config),
		config:     config,
		accounts:   make(map[string]*Account, 2*len(config.Accounts)),
		byID:       make(map[virtual.ID]*Account, len(config.Accounts)),
		clients:    newClientTable(config.Clients, config.Deployment),
		local:      newRouteTable(localRoutes(&accountkind.WeChat)),
		configured: newRouteTable(config.Routes),
		builtin:    newRouteTable(accountkind.WeChat.Routes),
	}
	p.hostNames = hostNames(config.OwnHosts, config.HostNames)
	for _, a := range place(config.Accounts, config.Deployment) {
		if len(config.Clients) == 0 {
			a.honourEarlierBuild()
		}
		p.accounts[a.Name], p.accounts[a.AppID], p.byID[a.id] = a, a, a
	}
	p.fallback = p.accounts[config.Default]
	if len(config.Accounts) == 1 {
		p.fallback = p.accounts[config.Accounts[0].Name]
	}
	p.config.Accounts = nil // the map has them
	p.door.current.Store(p)
	return p
}

// Handle answers one request, whatever the size of its body.
func (p *Proxy) Handle(ctx *fasthttp.RequestCtx) { p.handle(ctx, math.MaxInt64) }

func (p *Proxy) handle(ctx *fasthttp.RequestCtx, maxBody int64) {
	p.inFlight.Add(1)
	defer p.inFlight.Add(-1)
	x := p.begin(ctx, maxBody)
	defer p.release(x)

	err := p.safely(x, p.serve)
	if err != nil {
		x.refuse(err)
	}
	x.fields.close = x.fields.close || !p.mayStay(x, err)
	x.leave(err != nil)
	if p.door.draining.Load() || x.fields.close {
		ctx.Response.SetConnectionClose()
	}
	p.conclude(x, err)
}

// conclude counts and logs a request that has its answer. Who asks for health every
// second is no caller, and a 503 tells him what others know.
func (p *Proxy) conclude(x *exchange, err error) {
	x.answerID()
	if err == nil && x.route.Credential == credentialHealth {
		return
	}
	p.count(x)
	if err != nil {
		p.noteFailure(x, err)
	}
	p.logRequest(x, err)
}

// release gives back what x holds, and x itself.
func (p *Proxy) release(x *exchange) {
	if err := x.body.NoFile(); err != nil && p.door.noFiles.Now() {
		p.config.Log.Warn("large request bodies are kept in memory; let TMPDIR name a directory that can be written to", "err", err)
	}
	x.body.Release()
	x.ctx, x.caller, x.message.Caller, x.message.Head = nil, nil, nil, nil
	if !x.seated {
		p.exchanges.Put(x)
	}
}

// serve is the life of a request.
func (p *Proxy) serve(x *exchange) error {
	if err := p.judge(x); err != nil {
		return err
	}
	early := x.route.Credential == credentialToken || x.hasMembers // its body may say who calls
	if early {
		if err := p.takeBody(x); err != nil {
			return err
		}
	}
	switch x.route.Credential {
	case credentialToken:
		return p.answerToken(x)
	case credentialHealth:
		return p.answerHealth(x)
	}
	if p.carriesSecret(x) {
		return errMisplacedSecret
	}
	if err := x.client.quota.enter(x.client.Name); err != nil {
		return err
	}
	defer x.leaveQuota()
	if !early {
		if err := p.takeBody(x); err != nil {
			return err
		}
	}
	return p.forward(x)
}

// safely keeps the process alive if do panics. What the panic says stays unsaid:
// it could hold a part of the request.
func (p *Proxy) safely(x *exchange, do func(*exchange) error) (err error) {
	defer func() {
		if recover() != nil {
			p.config.Log.Error("panic while answering a request", "stack", string(debug.Stack()))
			err = refuse(internalError, "the proxy made a mistake; its log says more")
		}
	}()
	return do(x)
}
