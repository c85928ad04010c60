package proxy

import (
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/secret"
	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/lastkey"
	"wxproxy/proxy/internal/logged"
	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/upstream"
)

// An exchange is one request on its way: what was decided about it, and the buffers in
// which the request to WeChat is built. Exchanges are used again.
type exchange struct {
	request // what belongs to the current request; begin replaces it as a whole

	proxy     *Proxy
	durations *traffic.Histogram // nil: nothing is counted
	isKept    bool               // its connection keeps it for the next request

	// The fields from here on stay from one request to the next: they are buffers, and
	// results that the next request often needs again.
	message      upstream.Message
	fields       fields
	body         body.Body
	last         lastTarget
	key          lastkey.Hash
	virtual      virtual.LastToken
	lastInFilter string // the last token that was added to its account's filter
	values       []string
	searcher     secret.Searcher
	line         logged.Line     // of the access log
	shownPath    logged.LastPath // the last path that the access log showed as it is
}

// A request is what belongs to one request alone. Its first fields are those that are
// used again when WeChat has answered, so that they are together in memory.
type request struct {
	ctx         *fasthttp.RequestCtx
	caller      *front.Conn // nil without one
	client      *Client
	account     *Account
	authorizer  *Account // on an API of a platform, the account that the request names; nil: none
	platform    *Account // whose token is sent in the place of a credential of account; nil: its own is
	kind        *kind    // of the account, as far as it is known
	tokenClient *Client  // the one that a refused virtual token names; nil: none

	began     time.Time
	errcode   int    // of the answer, WeChat's or the proxy's own; 0: none
	attempts  int    // how often it was sent to WeChat
	hasTrace  bool   // the caller's span is named, or seems to be
	unread    bool   // some of the request's body may not have been read
	admitted  bool   // the client may use the account
	streams   bool   // the answer ends later than its handling
	closes    bool   // the caller's connection ends with this request
	requestID string // empty unless requests are given ids
	span      *span  // nil without tracing
	sent      string // the credential that WeChat was sent; empty: none

	target     target.Target
	route      *route // nil: it is not known yet
	maxBody    int64
	smallBody  bool  // the body is at most that long, and comes at once
	hasMembers bool  // the body may say who calls, and for which account
	given      given // what the request gives in the places of appid and AppSecret
}

// holder returns the account whose credential WeChat gets.
func (x *exchange) holder() *Account {
	if x.platform != nil {
		return x.platform
	}
	return x.account
}

// begin returns the exchange for a request: the one that its connection keeps, if any.
// The request is in flight from here to release.
func (p *Proxy) begin(ctx *fasthttp.RequestCtx, maxBody int64) *exchange {
	p.inFlight.Add(1)
	s := front.RequestOf(ctx)
	if s == nil {
		x, free := p.exchanges.Get().(*exchange)
		if !free {
			x = p.newExchange()
		}
		x.begin(ctx, maxBody)
		return x
	}
	x, _ := s.Kept.(*exchange)
	if x == nil || x.proxy != p { // there was a reload
		x = p.newExchange()
		x.isKept, s.Kept = true, x
	}
	x.begin(ctx, maxBody)
	x.message.Head = s.Head()
	x.message.Head.Begin(x.fields.wantsRequestID)
	return x
}

func (p *Proxy) newExchange() *exchange {
	return &exchange{
		proxy:     p,
		durations: p.config.Counts.Histogram(),
		fields:    fields{wantsRequestID: p.config.LogAccess, makesSpans: p.config.Tracer != nil, isSecret: p.isSecretAsSent},
		body:      body.New(p.door.bodies),
	}
}

// begin makes x the exchange of another request.
func (x *exchange) begin(ctx *fasthttp.RequestCtx, maxBody int64) {
	x.request = request{} // in place: a literal with values would be built beside it and copied
	x.ctx, x.caller, x.began, x.maxBody = ctx, front.ConnOf(ctx), ctx.Time(), maxBody
	x.unread = ctx.RequestBodyStream() != nil
	if x.began.IsZero() {
		x.began = time.Now() // the request came over no connection
	}
	m := &x.message
	m.Body, m.Caller, m.Head = &x.body, nil, nil
	if x.caller != nil {
		m.Caller = x.caller.NetConn()
		m.KnowsInterim = ctx.Request.Header.IsHTTP11() && !x.caller.IsTLS()
	}
}

// release gives back what x holds, and x itself. A streamed answer stays in flight: prepareStream.
func (p *Proxy) release(x *exchange) {
	if err := x.body.NoFile(); err != nil && p.door.noFiles.Allows() {
		p.config.Log.Warn("large request bodies are kept in memory; let TMPDIR name a directory that can be written to", "err", err)
	}
	x.body.Release()
	if !x.streams {
		p.inFlight.Add(-1)
	}
	x.ctx, x.caller, x.message.Caller, x.message.Head = nil, nil, nil, nil
	if !x.isKept {
		p.exchanges.Put(x)
	}
}

// routeAs looks the request's route up in the tables of kind k.
func (x *exchange) routeAs(k *kind) {
	if r, t := &x.last, &x.target; r.kind != k {
		r.kind, r.route, r.token, r.api = k, k.route(t.Policy), "", nil
		r.hasCredentialName = target.NamesCredential(t.Query, r.route.class.removes(k.Table))
		target.EachNamed(t.Query, k.Table.ForeignSecrets, func(string, string) { r.hasCredentialName = true })
		_, r.hasAccountParameter = target.QueryValue(t.Query, k.Table.AccountParameter)
		r.hasAccountParameter = r.hasAccountParameter || r.route.Names.AppID != ""
	}
	x.kind, x.route = x.last.kind, &x.last.route
}

// findLikelyKind returns the kind of accounts that a request is probably about, by what is quick to
// see in its header: the kind of the account that it names, or else the kind whose programs
// ask for a token at its path, or that of the account it has a virtual token for, or else the
// kind that has its host, or the kind of the default account. If the account, which is decided later, is of
// another kind, admit begins again with that.
func (p *Proxy) findLikelyKind(x *exchange) *kind {
	if a, isNamed, err := p.addressedAccount(x); a != nil && isNamed && err == nil {
		return a.kind
	}
	ofHost := p.kindByHost(x)
	for _, k := range p.kinds {
		if slices.Contains(k.Table.TokenPaths, string(x.target.Policy)) && (ofHost == nil || ofHost == k) {
			return k
		}
	}
	if a := p.accountInToken(x); a != nil {
		return a.kind
	}
	switch {
	case ofHost != nil:
		return ofHost
	case p.fallback != nil:
		return p.fallback.kind
	}
	return p.kinds[0]
}

// kindByHost returns the kind that has the request's host, if there are several kinds; nil: none
// has.
func (p *Proxy) kindByHost(x *exchange) *kind {
	if len(p.kinds) == 1 {
		return nil
	}
	return p.kindOfHost.Of(x.ctx.Request.Header.RequestURI(), x.fields.host)
}

// isDead reports whether it is known that WeChat would refuse token again.
func (a *Account) isDead(token string) bool { return a.IsDead != nil && a.IsDead(token) }

// isHonoured reports whether token is good although WeChat refused it somewhere.
func (a *Account) isHonoured(token string) bool { return a.IsHonoured == nil || a.IsHonoured(token) }
