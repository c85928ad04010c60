package proxy

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"

	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/logged"
	"wxproxy/proxy/internal/wire"
	"wxproxy/proxy/trace"
)

// requestID is the header that identifies a request at the caller, at the proxy and at
// WeChat.
const requestID = "X-Request-Id"

// maxRequestID is how long an id may be that a caller sends.
const maxRequestID = 128

// readID takes what may be the request's id.
func (f *fields) readID(value []byte) {
	if f.wantsRequestID {
		f.ids, f.id = f.ids+1, value
		f.secretID = f.secretID || f.isSecret != nil && f.isSecret(value)
	}
}

// setRequestID keeps the caller's id of the request if it is a good one, or makes one and
// adds it to the header that WeChat will read.
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

// isID reports whether the header called name is the request's id, if requests have one.
func (f *fields) isID(name []byte) bool { return f.wantsRequestID && wire.IsFold(name, "x-request-id") }

// hasGoodID reports whether the caller sent exactly one id, and one that can be passed on
// and logged: printable ASCII that is no secret.
func (f *fields) hasGoodID() bool {
	return f.ids == 1 && isGoodID(f.id) && !f.secretID && !wire.Listed(f.connection, []byte(requestID))
}

// isGoodID reports whether id is short enough and printable.
func isGoodID(id []byte) bool {
	return 0 < len(id) && len(id) <= maxRequestID && !bytes.ContainsFunc(id, secret.Invisible)
}

// answerRequestID adds the id to the answer. A request that could not be read gets its id
// here.
func (x *exchange) answerRequestID() {
	if !x.fields.wantsRequestID {
		return
	}
	if x.requestID == "" {
		x.requestID = rand.Text()
	}
	if head := x.message.Head; head.IsRaw() {
		head.Add(requestID, x.requestID)
	} else {
		x.ctx.Response.Header.Set(requestID, x.requestID)
	}
}

// loggedID returns the request's id: the one that it was given, or without one the caller's
// own, if that can be shown.
func (x *exchange) loggedID() string {
	if x.fields.wantsRequestID {
		return x.requestID
	}
	ids := x.ctx.Request.Header.PeekAll(requestID)
	if len(ids) != 1 || !isGoodID(ids[0]) || x.proxy.isSecretAsSent(ids[0]) {
		return ""
	}
	return string(ids[0])
}

type span = trace.Timed

// maxSpanPath is how many bytes of a path a span tells.
const maxSpanPath = 256

// passesTrace takes notice of a line that names the caller's span, and reports whether it
// is passed on: not with tracing, when WeChat is sent the name of the proxy's span instead.
func (f *fields) passesTrace() bool {
	f.hasTrace = true
	return !f.makesSpans
}

// setTrace begins the request's span, if there is tracing, and names it in the header
// that WeChat will read, in the place of the caller's.
func (x *exchange) setTrace() {
	x.hasTrace = x.fields.hasTrace
	if !x.fields.makesSpans {
		return
	}
	x.span = &span{Span: x.proxy.config.Tracer.Begin(x.callersTrace(), x.began)}
	m, h := &x.message, x.span.Headers()
	m.Fields = append(append(append(m.Fields, "traceparent: "...), h.Traceparent...), "\r\n"...)
	if h.Tracestate != "" {
		m.Fields = append(append(append(m.Fields, "tracestate: "...), h.Tracestate...), "\r\n"...)
	}
}

// traceID returns the id of the trace that the request belongs to; empty: to none, as
// far as anybody said.
func (x *exchange) traceID() string {
	switch {
	case x.span != nil:
		return x.span.Headers().TraceID()
	case x.hasTrace:
		return x.callersTrace().TraceID()
	}
	return ""
}

// callersTrace returns what the header says of the caller's span. Its lines were read and
// are good.
func (x *exchange) callersTrace() trace.Headers {
	var lines trace.Lines
	for raw := x.ctx.Request.Header.RawHeaders(); x.hasTrace && string(raw) != "\r\n"; {
		headerKind, value, length, ok := wire.NextField(raw)
		if !ok {
			break
		}
		if headerKind == wire.KindTraceparent || headerKind == wire.KindTracestate {
			lines.Note(headerKind == wire.KindTraceparent, value)
		}
		raw = raw[length:]
	}
	return lines.Headers(x.fields.isSecret)
}

// endSpan ends the request's span, if it has one that anybody will see.
func (p *Proxy) endSpan(x *exchange, err error) {
	if x.span == nil || !x.span.IsRecorded() {
		return
	}
	r := trace.Request{
		Method:    methodName(x.ctx.Method()),
		Path:      p.loggedPath(x.target.Path),
		IsKnown:   x.admitted || x.kind != nil && x.route.traits.callerInBody,
		Status:    x.ctx.Response.StatusCode(),
		Errcode:   x.errcode,
		Attempts:  x.attempts,
		TokenWait: x.span.TokenWait,
		AtWeChat:  x.span.AtWeChat,
	}
	r.Account, r.Client = names(x.account, x.client)
	r.Path = strings.ToValidUTF8(r.Path[:min(len(r.Path), maxSpanPath)], "?")
	if err != nil {
		r.Refusal = x.asFailure(err).reason()
	}
	x.span.End(r)
}

// methodName returns a method for the log, and "?" for any that is not forwarded: a
// caller could write anything there.
func methodName(method []byte) string {
	if !isForwarded(method) {
		return "?"
	}
	return string(method)
}

// names returns the configured names of an account and a client, and "" for nil.
func names(a *Account, c *Client) (account, client string) {
	if a != nil {
		account = a.Name
	}
	if c != nil {
		client = c.Name
	}
	return account, client
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
		said = append(said, "host", logged.Host(x.fields.host, p.isSecret))
	}
	return said
}
