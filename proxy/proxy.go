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
	"wxproxy/proxy/internal/virtual"
)

// A Proxy answers callers with what WeChat answers. Its Handle may be called
// concurrently.
type Proxy struct {
	config         Config
	accounts       map[string]*Account // by name and by app_id
	fallback       *Account            // nil without a default
	byID           map[virtual.ID]*Account
	hostNames      map[string]bool
	clients        clientTable
	anyone         Client      // every caller, when there are no clients
	withoutAccount seenClients // those who named no account
	kinds          []*kind     // of the accounts
	hosts          []string    // of all kinds, in lower case: those that an absolute-form request may name

	tokenParameters []string // of all kinds

	exchanges sync.Pool // of *exchange
	inFlight  atomic.Int64
	door      *door
}

func (p *Proxy) handle(ctx *fasthttp.RequestCtx, maxBody int64) {
	p.inFlight.Add(1)
	defer p.inFlight.Add(-1)
	x := p.begin(ctx, maxBody)
	defer p.release(x)

	err := p.safely(x, p.serve)
	if err != nil {
		x.refuse(err)
	}
	x.closes = x.closes || !p.mayStayOpen(x, err)
	x.discardRest(err != nil)
	if p.door.draining.Load() || x.closes {
		ctx.Response.SetConnectionClose()
	}
	p.conclude(x, err)
}

// conclude counts and logs a request that has its answer. Who asks for health every
// second is no caller, and a 503 tells him what others know.
func (p *Proxy) conclude(x *exchange, err error) {
	x.answerRequestID()
	if err == nil && x.route.traits.isFree {
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
	if !x.isKept {
		p.exchanges.Put(x)
	}
}

// serve is the life of a request.
func (p *Proxy) serve(x *exchange) error {
	if err := p.judge(x); err != nil {
		return err
	}
	class := x.route.class
	early := x.route.traits.asksByBody || x.hasMembers // its body may say who calls
	if early {
		if err := p.takeBody(x); err != nil {
			return err
		}
	}
	if t := &x.route.traits; t.asksByBody || t.isFree {
		return class.answer(p, x)
	}
	if p.carriesSecret(x) {
		return errMisplacedSecret
	}
	if err := x.client.enter(); err != nil {
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

// judge decides about a request by its header alone: none of its body is read,
// still less kept, before it is clear that it may be sent.
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
		return &failure{tooManyConnections, "max_connections callers are connected already", time.Second}
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

// takeBody reads the body, where there is a use for it, and decides what only that
// can say.
func (p *Proxy) takeBody(x *exchange) error {
	if x.route.traits.hasNoBody {
		return nil
	}
	if err := x.readBody(); err != nil {
		return err
	}
	if x.hasMembers {
		if err := p.admitByBody(x); err != nil {
			return err
		}
	}
	x.announceLength()
	return nil
}

// errOldCertificate refuses who shook hands when other certificates counted.
var errOldCertificate = refuse(unauthenticated,
	"tls_client_ca has changed, and what this connection was opened with is not good any more; connect again with a certificate that is")
