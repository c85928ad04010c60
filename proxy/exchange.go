package proxy

import (
	"context"
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"
)

// An exchange is one request on its way: what was decided about it, and the
// buffers that it is rebuilt in. Exchanges are used again.
type exchange struct {
	ctx      *fasthttp.RequestCtx
	caller   *callerConn // nil without one
	maxBody  int64
	unread   bool // some of the request's body may not have been read
	body     Body
	target   target
	fields   fields
	client   *Client
	account  *Account
	route    Route
	message  Message
	admitted bool // the client may use the account
	attempts int  // how often it was sent to WeChat
	streams  bool // the answer ends later than its handling
}

// Query parameters that a caller's request loses. What stands in the place of an
// AppSecret goes no further: it may be the caller's key.
var (
	ownParameters   = []string{"from_appid"}
	tokenParameters = []string{"access_token", "from_appid"}

	secretParameters = []string{"appid", "secret", "appsecret", "access_token", "from_appid"}
)

// attemptNames are the values of Wxproxy-Attempts.
var attemptNames = [...]string{"0", "1", "2"}

func (x *exchange) begin(ctx *fasthttp.RequestCtx, maxBody int64) {
	x.ctx, x.client, x.account, x.route, x.attempts = ctx, nil, nil, Route{}, 0
	x.fields.close, x.target.path, x.admitted, x.streams = false, nil, false, false
	x.caller, x.maxBody, x.unread = callerOf(ctx), maxBody, ctx.RequestBodyStream() != nil
	x.message.Body, x.message.Caller = &x.body, nil
	if x.caller != nil {
		x.message.Caller = x.caller.Conn
	}
}

// leaveQuota gives the request's place back, unless its answer needs it still.
func (x *exchange) leaveQuota() {
	if !x.streams {
		x.client.quota.leave()
	}
}

// readHeader reads the method and the end-to-end headers.
func (x *exchange) readHeader() error {
	req, m := &x.ctx.Request, &x.message
	if version := string(req.Header.Protocol()); version != "HTTP/1.1" && version != "HTTP/1.0" {
		x.fields.close = true
		return refuse(badRequest, "the proxy speaks HTTP/1.1 and HTTP/1.0 only")
	}
	var err error
	if m.Fields, err = x.fields.appendEndToEnd(m.Fields[:0], req.Header.RawHeaders()); err != nil {
		x.fields.close = true
		return refuse(badRequest, err.Error())
	}
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

// address sets the target that WeChat will read: the caller's without the
// parameters in remove, and with those of the proxy at its end.
func (x *exchange) address(remove []string, add ...parameter) {
	target := append(x.message.Target[:0], x.target.path...)
	query := len(target)
	target = appendQuery(target, x.target.query, remove)
	for _, p := range add {
		target = appendParameter(target, query, p)
	}
	x.message.Target = target
}

// logRequest writes the access log's line. It holds the path, but no
// parameter, wherever the caller put it.
func (p *Proxy) logRequest(x *exchange, err error) {
	level := slog.LevelDebug
	if p.config.LogAccess {
		level = slog.LevelInfo
	}
	if x.ctx.Response.StatusCode() >= fasthttp.StatusInternalServerError && err != nil {
		level = slog.LevelWarn
	}
	if !p.config.Log.Enabled(context.Background(), level) {
		return
	}
	ctx, method := x.ctx, "other" // which may be anything
	if isForwarded(ctx.Method()) {
		method = string(ctx.Method())
	}
	attributes := []slog.Attr{
		slog.String("method", method),
		slog.String("path", loggedPath(x.target.path)),
		slog.Int("status", ctx.Response.StatusCode()),
		slog.Int("attempts", x.attempts),
		slog.String("duration", time.Since(ctx.Time()).Round(time.Microsecond).String()),
	}
	if x.account != nil {
		attributes = append(attributes, slog.String("account", x.account.Name))
	}
	if x.client != nil && x.client.Name != "" {
		attributes = append(attributes, slog.String("client", x.client.Name))
	}
	if err != nil {
		attributes = append(attributes, slog.Any("err", err))
	}
	p.config.Log.LogAttrs(context.Background(), level, "request", attributes...)
}
