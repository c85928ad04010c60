package proxy

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/audit"
	"wxproxy/proxy/internal/errcode"
	"wxproxy/proxy/internal/logged"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/traffic/apis"
)

// conclude counts and logs a request that has its answer. Requests for health, which
// load balancers send every second, are left out unless they were refused.
func (p *Proxy) conclude(x *exchange, err error) {
	x.answerRequestID()
	if err == nil && x.route != nil && x.route.traits.isOpen {
		return
	}
	p.count(x, err)
	if err != nil {
		p.noteFailure(x, err)
	}
	p.logRequest(x, err)
	p.endSpan(x, err)
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
	line := p.requestLine(x, time.Now())
	attributes := line.Attributes()
	if err != nil {
		attributes = append(attributes, slog.Any("err", err))
	}
	if level == slog.LevelWarn && !p.config.LogAccess {
		p.door.failed.Note(line.Account+"\n"+x.asFailure(err).reason(), func(count int) { p.writeFailed(attributes, count) })
		return
	}
	p.config.Log.LogAttrs(context.Background(), level, "request", attributes...)
}

// requestLine returns what the log says of a request that is answered.
func (p *Proxy) requestLine(x *exchange, now time.Time) logged.Request {
	account, client := names(x.account, x.client)
	return logged.Request{
		Account: account, Client: client, Method: methodName(x.ctx.Method()), Path: x.shownPath.Of(x.target.Path, p.loggedPath), Parameters: logged.Names(x.target.Query, p.isSecret),
		Status: x.ctx.Response.StatusCode(), Errcode: x.errcode, Attempts: x.attempts,
		Duration: now.Sub(x.began).Round(time.Microsecond).String(), RequestID: x.requestID, TraceID: x.traceID(),
	}
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
	now := time.Now()
	request := p.requestLine(x, now)
	x.line.Begin(p.config.AccessLog.IsJSON, now, "request")
	x.line.Request(&request)
	line, isPlain := x.line.End()
	if isPlain {
		_, _ = p.config.AccessLog.Out.Write(line) // a log that fails ends no request
	}
	return isPlain
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

// count counts an answered request and its duration.
func (p *Proxy) count(x *exchange, err error) {
	if p.config.Counts != nil {
		took := time.Since(x.began)
		p.series(x.account, x.client).Count(x.ctx.Response.StatusCode())
		x.durations.Observe(took)
		p.countCall(x, took, err)
	}
}

// countCall counts a call by its API. Of a caller who is not known, or of no account, nothing
// is counted here: anybody could send such requests.
func (p *Proxy) countCall(x *exchange, took time.Duration, err error) {
	if x.account == nil || x.account.kind != x.kind || !p.isAuthenticated(x.client) {
		return
	}
	status := x.ctx.Response.StatusCode()
	if x.last.api.IsGone() {
		isTaken := x.attempts > 0 && status < fasthttp.StatusBadRequest && (x.errcode == 0 || x.errcode != x.kind.Table.NoSuchPath)
		x.last.api = x.kind.apis.Find(x.target.Policy, isTaken, func(path []byte) bool { return p.loggedPath(path) == string(path) })
	}
	x.last.api.Count(took)
	if x.errcode != 0 || status >= fasthttp.StatusBadRequest {
		p.noteFailedCall(x, err)
	}
}

// noteFailedCall keeps what an operator needs to know of a call that failed.
func (p *Proxy) noteFailedCall(x *exchange, err error) {
	f := apis.FailedCall{Kind: x.kind.apis.Name(), Path: p.loggedPath(x.target.Path), Failure: apis.Failure{Errcode: x.errcode}, HTTP: x.ctx.Response.StatusCode(), RequestID: x.loggedID()}
	if f.Account, f.Client = names(x.account, x.client); err != nil {
		f.Reason = x.asFailure(err).reason()
	} else if x.errcode != 0 {
		f.Rid = apis.RidIn(errcode.Text(&x.ctx.Response))
	}
	p.config.Counts.APIs.Failed(x.last.api, f)
}

// series returns the counters of a client's requests to an account. Both may be nil.
func (p *Proxy) series(account *Account, client *Client) *traffic.Series {
	seen := &p.withoutAccount
	if account != nil {
		seen = account.seen
	}
	s := seen.Of(client)
	if s == nil {
		name, ofClient := names(account, client)
		if account != nil {
			name = account.counted()
		}
		s = p.config.Counts.Series(name, ofClient)
		seen.Add(client, s)
	}
	return s
}

// noteFailure counts a request that the proxy did not forward to its end, and logs those
// that it refused: many callers hide all but the status from their users. The other
// failures have their line in the log already.
func (p *Proxy) noteFailure(x *exchange, err error) {
	f := x.asFailure(err)
	account, client := names(x.account, p.refusedClient(x, err))
	p.config.Counts.Failure(client, f.reason())
	if f.status >= fasthttp.StatusInternalServerError || f.isUsual {
		return
	}
	p.noteWrongKey(x, err)
	lines := p.door.refused
	if client == "" {
		lines = p.door.unknown
	}
	policy := string(x.target.Policy[:min(len(x.target.Policy), maxPathKey)])
	unsaid, ok := lines.Allows(strings.Join([]string{client, f.reason(), policy}, "\n"), time.Now())
	if !ok {
		return
	}
	said := []any{"client", client, "account", account, "reason", f.reason(), "path", p.loggedPath(x.target.Path),
		"status", f.status, "address", p.addressOf(x), "err", f.detail, "unsaid", unsaid}
	p.config.Log.Warn("a request was refused", append(said, p.refusalDetails(x, err)...)...)
}

// noteWrongKey has the log say who showed a key that is nobody's.
func (p *Proxy) noteWrongKey(x *exchange, err error) {
	isKey := errors.Is(err, errUnknownKey) || errors.Is(err, errUnknownSecret) || x.asFailure(err).wrongKey
	if isKey && p.config.Audit != nil {
		account, _ := names(x.account, nil)
		p.config.Audit.Often(audit.Entry{Action: audit.WrongKey, Account: account, Address: p.addressOf(x), Outcome: audit.Refused, Listener: audit.Proxy})
	}
}
