// Package front is the callers' side of the proxy: it accepts connections, bounds how
// many there are and how long each may take, reads requests, has a [Handler] answer
// them, and writes the answers. It knows nothing of WeChat.
package front

import (
	"cmp"
	"errors"
	"log/slog"
	"math"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/buffer"
	"wxproxy/proxy/internal/wire"
)

// Limits bound what callers may send and how long they may take.
type Limits struct {
	MaxBody          int           // bytes of a request's body
	MaxConnections   int           // of callers, at a time
	PlainIO          bool          // fasthttp's server reads every request, which costs more
	IdleTimeout      time.Duration // of a kept-alive connection
	HeaderTimeout    time.Duration // how long a caller may take to send a request's header; 0: 30 s
	BodyGrace        time.Duration // how long any body may take; 0: 30 s. A longer one has to have 1 KiB/s
	UnprovenBodyTime time.Duration // how long all of a body may take whose caller is not known yet; 0: 5 s
	Descriptors      int           // how many all connections of callers may take, with SpareConnections; 0: as many as that is
	StallTimeout     time.Duration // how long a caller may stall within a body, twice that within an answer; 0: 30 s
}

const (
	// headerSize bounds a request's header. fasthttp's work on a path grows with
	// the square of its length, which this bounds too.
	headerSize = 16 << 10

	// headerTimeout is how long a caller may take to send a request's header, if
	// Limits say nothing else.
	headerTimeout = 30 * time.Second

	// handshakeTimeout is how long a TLS handshake may take.
	handshakeTimeout = 10 * time.Second

	// surplusConnections is how many connections above the limit are told so.
	surplusConnections = 64

	// surplusTime is how long one of these may take for its request.
	surplusTime = 2 * time.Second
)

// A front is where callers' connections and requests come in.
type front struct {
	handler  Handler
	limits   Limits
	log      *slog.Logger
	slots    slots
	requests sync.Pool // of *Request, those that are free
	answers  buffer.Pool
}

// A Server lets callers reach a Proxy.
type Server struct {
	front    *front
	fasthttp *fasthttp.Server
}

// NewServer returns the server that lets callers reach handler.
func NewServer(handler Handler, limits Limits, log *slog.Logger) *Server {
	limits.HeaderTimeout = cmp.Or(limits.HeaderTimeout, headerTimeout)
	limits.StallTimeout = cmp.Or(limits.StallTimeout, defaultStallTimeout)
	limits.BodyGrace = cmp.Or(limits.BodyGrace, bodyGrace)
	limits.UnprovenBodyTime = cmp.Or(limits.UnprovenBodyTime, unprovenBodyTime)
	f := &front{handler: handler, limits: limits, log: log}
	f.slots = newSlots(limits, log)
	return &Server{f, f.newFasthttp(log)}
}

func (f *front) newFasthttp(log *slog.Logger) *fasthttp.Server {
	limits := f.limits
	return &fasthttp.Server{
		Handler:                      f.handleSafely,
		ExpectHandler:                f.expect,
		HeaderReceived:               f.headerReceived,
		ErrorHandler:                 f.refuseUnreadable,
		Concurrency:                  math.MaxInt32, // slots bound it
		ReadBufferSize:               headerSize,
		ReadTimeout:                  limits.HeaderTimeout,
		IdleTimeout:                  limits.IdleTimeout,
		StreamRequestBody:            true,
		MaxRequestBodySize:           1,    // of a body, the least that fasthttp waits for before Handler decides
		DisablePreParseMultipartForm: true, // it would write uploads anew, with other bytes
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		NoDefaultDate:                true,
		SecureErrorLogMessage:        true,
		Logger:                       serverLog{log},
	}
}

func (f *front) handle(ctx *fasthttp.RequestCtx) {
	c := ConnOf(ctx)
	c.handle(true)
	defer c.handle(false)
	f.handler.Handle(ctx, int64(f.limits.MaxBody))
	finish(ctx)
}

func (f *front) expect(ctx *fasthttp.RequestCtx) int {
	ConnOf(ctx).handle(true) // until handle ends it
	return f.handler.Expect(ctx, int64(f.limits.MaxBody))
}

// headerReceived gives the body's first byte, for which fasthttp waits, its own
// time.
func (f *front) headerReceived(h *fasthttp.RequestHeader) (c fasthttp.RequestConfig) {
	switch length := h.ContentLength(); {
	case length > f.limits.MaxBody:
		c.ReadTimeout = 1 // is over already: nothing of it is waited for
	case length > 0:
		c.ReadTimeout = f.firstByte(h.RequestURI())
	}
	spellExpectation(h)
	return c
}

// firstByte returns how long the first byte of a body may take: not long where
// nobody has shown yet who he is.
func (f *front) firstByte(target []byte) time.Duration {
	if f.handler.IsProvenByBody(target) {
		return min(f.limits.StallTimeout, f.limits.UnprovenBodyTime)
	}
	return f.limits.StallTimeout
}

// spellExpectation spells the one expectation that there is as fasthttp knows it:
// it may be in any letter case. HTTP/1.0 has none.
func spellExpectation(h *fasthttp.RequestHeader) {
	if expectation := h.Peek(fasthttp.HeaderExpect); len(expectation) > 0 {
		switch {
		case !h.IsHTTP11():
			h.Del(fasthttp.HeaderExpect)
		case wire.IsFold(expectation, "100-continue"):
			h.Set(fasthttp.HeaderExpect, "100-continue")
		}
	}
}

// refuseUnreadable answers a request that fasthttp could not read. Its errors
// quote what the caller sent, so nothing of them is repeated. A connection on
// which nothing came ends without a word.
func (f *front) refuseUnreadable(ctx *fasthttp.RequestCtx, err error) {
	var tooLong *fasthttp.ErrSmallBuffer
	var network net.Error
	reason := ErrUnreadable
	switch {
	case ConnOf(ctx).isOverdue():
		reason = ErrBodyTooLarge
	case errors.As(err, &tooLong):
		reason = ErrHeaderTooLong
	case errors.As(err, &network) && network.Timeout():
		reason = ErrLate
	}
	f.handler.Refuse(ctx, reason)
	ConnOf(ctx).silence()
	ConnOf(ctx).Linger()
}

// serverLog takes fasthttp's own log lines. They are formats with data of
// callers in them: the format says what happened, the data stays out.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Printf(format string, _ ...any) {
	l.log.Debug("fasthttp reports", "format", format)
}

// handleSafely is handle for fasthttp's server, which ends the process otherwise.
func (f *front) handleSafely(ctx *fasthttp.RequestCtx) {
	defer func() {
		if recover() != nil {
			f.log.Error("panic while serving a connection", "stack", string(debug.Stack()))
			ctx.Response.Reset()
			ctx.Error("", fasthttp.StatusInternalServerError)
			ctx.Response.SetConnectionClose()
		}
	}()
	f.handle(ctx)
}
