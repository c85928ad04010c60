package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/logged"
)

// conclude counts and logs a request that has its answer. Requests for health, which
// load balancers send every second, are left out unless they were refused.
func (p *Proxy) conclude(x *exchange, err error) {
	x.answerRequestID()
	if err == nil && x.route != nil && x.route.traits.isOpen {
		return
	}
	p.count(x)
	if err != nil {
		p.noteFailure(x, err)
	}
	p.logRequest(x, err)
	p.endSpan(x, err)
}

// An AccessLog is where the lines of the access log may go without slog, in the same
// form.
type AccessLog struct {
	Out    io.Writer // takes a line by each call, and keeps none of its bytes
	IsJSON bool
}

// logRequest writes the access log's line. Its path is without secrets, and of the query
// it has the names alone.
func (p *Proxy) logRequest(x *exchange, err error) {
	level := p.levelOf(x, err)
	if !p.config.Log.Enabled(context.Background(), level) || p.isSkipped(x, err) {
		return
	}
	if err == nil && level == slog.LevelInfo && p.writePlain(x) {
		return
	}
	account, client := names(x.account, x.client)
	attributes := []slog.Attr{
		slog.String("account", account),
		slog.String("client", client),
		slog.String("method", methodName(x.ctx.Method())),
		slog.String("path", x.loggedPath()),
		slog.Any("parameters", logged.Names(x.target.Query, p.isSecret)),
		slog.Int("status", x.ctx.Response.StatusCode()),
		slog.Int("errcode", x.errcode),
		slog.Int("attempts", x.attempts),
		slog.String("duration", time.Since(x.began).Round(time.Microsecond).String()),
	}
	if x.requestID != "" {
		attributes = append(attributes, slog.String("request_id", x.requestID))
	}
	if id := x.traceID(); id != "" {
		attributes = append(attributes, slog.String("trace_id", id))
	}
	if err != nil {
		attributes = append(attributes, slog.Any("err", err))
	}
	if level == slog.LevelWarn && !p.config.LogAccess {
		p.door.failed.Note(account+"\n"+x.asFailure(err).reason(), func(count int) { p.writeFailed(attributes, count) })
		return
	}
	p.config.Log.LogAttrs(context.Background(), level, "request", attributes...)
}

// levelOf returns the level of a request's line.
func (p *Proxy) levelOf(x *exchange, err error) slog.Level {
	switch {
	case x.ctx.Response.StatusCode() >= fasthttp.StatusInternalServerError && err != nil && !x.caller.IsSurplus(): // front reports these
		return slog.LevelWarn
	case p.config.LogAccess:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// writePlain writes the line of a request that went well, without slog, which costs a
// third as much as the request. It reports false, and writes nothing, if the line needs
// slog's escapes.
func (p *Proxy) writePlain(x *exchange) bool {
	if p.config.AccessLog.Out == nil {
		return false
	}
	account, client := names(x.account, x.client)
	now, l := time.Now(), &x.line
	l.Begin(p.config.AccessLog.IsJSON, now, "request")
	l.Text("account", account)
	l.Text("client", client)
	l.Plain("method", methodName(x.ctx.Method()))
	l.Text("path", x.loggedPath())
	l.Names("parameters", logged.Names(x.target.Query, p.isSecret))
	l.Number("status", x.ctx.Response.StatusCode())
	l.Number("errcode", x.errcode)
	l.Number("attempts", x.attempts)
	l.Plain("duration", now.Sub(x.began).Round(time.Microsecond).String())
	if x.requestID != "" {
		l.Text("request_id", x.requestID)
	}
	if id := x.traceID(); id != "" {
		l.Plain("trace_id", id)
	}
	line, isPlain := l.End()
	if isPlain {
		_, _ = p.config.AccessLog.Out.Write(line) // a log that fails ends no request
	}
	return isPlain
}

// loggedPath returns the request's path in the form that a log may show. One without
// secrets is remembered: another line with it shows nothing new.
func (x *exchange) loggedPath() string {
	if path := x.target.Path; string(path) != x.shownPath {
		shown := x.proxy.loggedPath(path)
		if string(path) != shown {
			return shown
		}
		x.shownPath = shown
	}
	return x.shownPath
}

// writeFailed writes the line of a request that failed, which stands for count of them.
func (p *Proxy) writeFailed(attributes []slog.Attr, count int) {
	if count > 1 {
		attributes = append(attributes, slog.Int("count", count))
	}
	p.config.Log.LogAttrs(context.Background(), slog.LevelWarn, "request", attributes...)
}

// isSkipped reports whether the access log leaves a request out: some of those that
// went well.
func (p *Proxy) isSkipped(x *exchange, err error) bool {
	isGood := err == nil && x.errcode == 0 && x.ctx.Response.StatusCode() < fasthttp.StatusBadRequest
	return p.config.LogSkips > 0 && p.config.LogAccess && isGood && rand.Float64() < p.config.LogSkips
}

// methodName returns a method for the log, and "?" for any that is not forwarded: a
// caller could write anything there.
func methodName(method []byte) string {
	if !isForwarded(method) {
		return "?"
	}
	return string(method)
}

// addressOf returns from where a request came, for the log.
func (p *Proxy) addressOf(x *exchange) string {
	var forwarded []string
	if !p.config.Trusted.Any() {
		return p.config.Trusted.Of(x.ctx.RemoteAddr().String(), nil)
	}
	for _, line := range x.ctx.Request.Header.PeekAll("X-Forwarded-For") {
		forwarded = append(forwarded, string(line))
	}
	return p.config.Trusted.Of(x.ctx.RemoteAddr().String(), forwarded)
}

// refusalDetails returns further attributes for the log's line about a refusal: the client
// that a refused virtual token names, the one whose key contradicts another proof, and the
// Host that was refused.
func (p *Proxy) refusalDetails(x *exchange, err error) (said []any) {
	if x.tokenClient != nil && x.tokenClient != &p.anyone {
		said = append(said, "token_of", x.tokenClient.Name)
	}
	if _, keyOf := p.contradiction(x, err); keyOf != nil {
		said = append(said, "key_of", keyOf.Name)
	}
	if errors.Is(err, errOtherHost) || errors.Is(err, errOtherSecureHost) {
		said = append(said, "host", p.loggedHost(x.fields.host))
	}
	return said
}
