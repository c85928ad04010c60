package proxy

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/logged"
	"wxproxy/proxy/internal/wire"
)

// requestID is the header by which a caller, the proxy and WeChat speak of the
// same request.
const requestID = "X-Request-Id"

// maxRequestID bounds a caller's.
const maxRequestID = 128

// isID reports whether the header called name is the request's id, and the proxy
// sees to that.
func (f *fields) isID(name []byte) bool { return f.wantsRequestID && wire.IsFold(name, "x-request-id") }

// hasGoodID reports whether the caller gave the request one id that can be
// passed on and logged: some printable ASCII, and no secret.
func (f *fields) hasGoodID() bool {
	return f.ids == 1 && !bytes.ContainsFunc(f.id, secret.Invisible) && !f.secretID && 0 < len(f.id) && len(f.id) <= maxRequestID && !wire.Listed(f.connection, []byte(requestID))
}

// setRequestID takes the caller's id for the request, or makes one and adds it to
// what WeChat will read.
func (x *exchange) setRequestID() {
	switch m := &x.message; {
	case !x.fields.wantsRequestID:
	case x.fields.hasGoodID():
		x.requestID = string(x.fields.id)
	default:
		x.requestID = rand.Text()
		m.Fields = append(append(append(m.Fields, requestID+": "...), x.requestID...), "\r\n"...)
	}
}

// answerRequestID tells the caller the id of its request, also of one that could not be
// read.
func (x *exchange) answerRequestID() {
	if !x.fields.wantsRequestID {
		return
	}
	if x.requestID == "" {
		x.requestID = rand.Text()
	}
	x.ctx.Response.Header.Set(requestID, x.requestID)
}

// logRequest writes the access log's line. It holds the path without what a
// caller confused with it, and of the query nothing but names.
func (p *Proxy) logRequest(x *exchange, err error) {
	level := slog.LevelDebug
	if p.config.LogAccess {
		level = slog.LevelInfo
	}
	if x.ctx.Response.StatusCode() >= fasthttp.StatusInternalServerError && err != nil && !x.caller.IsSurplus() { // front reports these
		level = slog.LevelWarn
	}
	if !p.config.Log.Enabled(context.Background(), level) {
		return
	}
	account, client := names(x.account, x.client)
	attributes := []slog.Attr{
		slog.String("account", account),
		slog.String("client", client),
		slog.String("method", methodName(x.ctx.Method())),
		slog.String("path", p.loggedPath(x.target.Path)),
		slog.Any("parameters", logged.Names(x.target.Query, p.isSecret)),
		slog.Int("status", x.ctx.Response.StatusCode()),
		slog.Int("errcode", x.errcode),
		slog.Int("attempts", x.attempts),
		slog.String("duration", time.Since(x.began).Round(time.Microsecond).String()),
	}
	if x.requestID != "" {
		attributes = append(attributes, slog.String("request_id", x.requestID))
	}
	if err != nil {
		attributes = append(attributes, slog.Any("err", err))
	}
	p.config.Log.LogAttrs(context.Background(), level, "request", attributes...)
}

// methodName returns a method for the log, "?" for one that a stranger made up.
func methodName(method []byte) string {
	if !isForwarded(method) {
		return "?"
	}
	return string(method)
}
