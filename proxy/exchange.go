package proxy

import (
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/secret"
	"wxproxy/proxy/front"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/upstream"
)

// An exchange is one request on its way: what was decided about it, and the
// buffers that it is rebuilt in. Exchanges are used again.
type exchange struct {
	request // of the moment; begin replaces it as a whole

	proxy     *Proxy
	durations *traffic.Histogram // nil: nothing is counted
	isKept    bool               // by the connection's request, from one to the next

	// What is kept from one request to the next, to be used again.
	message  upstream.Message
	fields   fields
	body     body.Body
	last     lastTarget
	key      keyHash
	virtual  virtual.LastToken
	filtered string // the last token that the account is known to have sent
	values   []string
	searcher secret.Searcher
}

// A request is what belongs to one request alone. What is looked at again when WeChat
// has answered comes first, so that it is together in memory.
type request struct {
	ctx         *fasthttp.RequestCtx
	caller      *front.Conn // nil without one
	client      *Client
	account     *Account
	kind        *kind   // of the account, as far as it is known
	tokenClient *Client // whose virtual token was refused, as that says; nil: none

	began     time.Time
	errcode   int    // of the answer, WeChat's or the proxy's own; 0: none
	attempts  int    // how often it was sent to WeChat
	unread    bool   // some of the request's body may not have been read
	admitted  bool   // the client may use the account
	streams   bool   // the answer ends later than its handling
	closes    bool   // the caller's connection ends with this request
	requestID string // empty unless requests are given ids
	sent      string // the credential that WeChat was sent; empty: none

	target     target.Target
	route      route
	maxBody    int64
	smallBody  bool  // the body is at most that long, and comes at once
	hasMembers bool  // the body may say who calls, and for which account
	given      given // what it says
}

// attemptNames are the values of Wxproxy-Attempts.
var attemptNames = [...]string{"0", "1", "2"}

// begin returns the exchange for a request: the one that its connection keeps, if it
// keeps any.
func (p *Proxy) begin(ctx *fasthttp.RequestCtx, maxBody int64) *exchange {
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
		fields:    fields{wantsRequestID: p.config.LogAccess, isSecret: p.isSecret},
		body:      body.New(p.door.bodies),
	}
}

// begin makes x the exchange of another request.
func (x *exchange) begin(ctx *fasthttp.RequestCtx, maxBody int64) {
	x.request = request{
		ctx: ctx, caller: front.ConnOf(ctx), began: ctx.Time(), maxBody: maxBody,
		unread: ctx.RequestBodyStream() != nil,
	}
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

// refuse answers the request with what err says.
func (x *exchange) refuse(err error) {
	x.message.Head.Reset()
	f := asFailure(err)
	x.errcode = f.errcode
	f.answer(&x.ctx.Response)
	if x.admitted {
		x.ctx.Response.Header.Set("Wxproxy-Account", x.account.Name)
	}
}

// leaveQuota gives the request's place back, unless its answer needs it still.
func (x *exchange) leaveQuota() {
	if !x.streams {
		x.client.quota.Leave()
	}
}

// readHeader reads the method and the end-to-end headers.
func (x *exchange) readHeader() error {
	req, m := &x.ctx.Request, &x.message
	if version := string(req.Header.Protocol()); version != "HTTP/1.1" && version != "HTTP/1.0" {
		x.closes = true
		return refuse(badRequest, "the proxy speaks HTTP/1.1 and HTTP/1.0 only")
	}
	var err error
	if m.Fields, err = x.fields.appendEndToEnd(m.Fields[:0], req.Header.RawHeaders()); err != nil {
		x.closes = true
		return refuse(badRequest, err.Error())
	}
	x.closes = x.fields.close
	x.setRequestID()
	m.Method = req.Header.Method()
	if !isForwarded(m.Method) {
		return refuse(badRequest, "the method is none that WeChat's API uses")
	}
	return nil
}

// isForwarded reports whether requests with method are forwarded.
func isForwarded(method []byte) bool {
	switch string(method) {
	case fasthttp.MethodGet, fasthttp.MethodHead, fasthttp.MethodPost, fasthttp.MethodPut,
		fasthttp.MethodPatch, fasthttp.MethodDelete, fasthttp.MethodOptions:
		return true
	}
	return false
}

// addressWith sets the target that WeChat will read, with a token.
func (x *exchange) addressWith(token string) {
	if x.sent = token; token != x.filtered {
		x.account.filter.add(token)
		x.filtered = token
	}
	if token == "" || token != x.last.token {
		x.address(x.kind.Table.TokenParameters, target.Parameter{Name: x.kind.Table.TokenParameter, Value: token})
		x.last.token = token
	}
}

// address sets the target that WeChat will read: the caller's without the
// parameters in remove, and with those of the proxy at its end.
func (x *exchange) address(remove []string, add ...target.Parameter) {
	line := append(x.message.Target[:0], x.target.Path...)
	query := len(line)
	line = target.AppendQuery(line, x.target.Query, remove)
	for _, p := range add {
		line = target.AppendParameter(line, query, p)
	}
	x.message.Target, x.last.token = line, ""
}
