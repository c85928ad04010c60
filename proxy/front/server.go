// Package front is the callers' side of the proxy: it accepts connections, bounds how
// many there are and how long each may take, reads requests, has a [Handler] answer
// them, and writes the answers. It knows nothing of WeChat.
package front

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/lograte"
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
	UnprovenBodyTime time.Duration // how long all of a body may take that has yet to show who the caller is; 0: 5 s
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

	// surplusConnections is how many connections above the limit are told so.
	surplusConnections = 64

	// surplusTime is how long one of these may take for its request.
	surplusTime = 2 * time.Second
)

// A front has what all connections of a Server use.
type front struct {
	handler Handler
	limits  Limits
	log     *slog.Logger
	slots   slots
	crowd   crowd        // of the connections that a loop serves
	spare   atomic.Int32 // goroutines that wait for a caller

	handshakes *lograte.Lines // about those that failed

	requests sync.Pool // of *Request, those that are free
	buffers  buffer.Pool
}

// A Server lets callers reach a Handler.
type Server struct {
	front    *front
	fasthttp *fasthttp.Server
}

// NewServer returns the server that lets callers reach handler.
func NewServer(handler Handler, limits Limits, log *slog.Logger) *Server {
	limits.HeaderTimeout = cmp.Or(limits.HeaderTimeout, headerTimeout)
	limits.StallTimeout = cmp.Or(limits.StallTimeout, stallTimeout)
	limits.BodyGrace = cmp.Or(limits.BodyGrace, bodyGrace)
	limits.UnprovenBodyTime = cmp.Or(limits.UnprovenBodyTime, unprovenBodyTime)
	f := &front{handler: handler, limits: limits, log: log, crowd: newCrowd()}
	f.slots = newSlots(limits, log)
	f.handshakes = newHandshakeLines(log)
	return &Server{f, f.newFasthttp(log)}
}

// Serve serves the callers that l accepts, until it accepts no more. It may be
// called for several listeners. Nothing that may block is done here: whatever
// waits for a caller has that caller's own goroutine.
func (s *Server) Serve(l *Listener) error {
	l.Log = s.front.log
	next := make(chan *Conn)
	defer close(next)
	for {
		c, err := l.next()
		switch {
		case errors.Is(err, io.EOF):
			s.FlushLines()
			return nil
		case err != nil:
			return err
		}
		// Before it has a slot: others may close it from then on.
		direct := l.TLS == nil && !s.front.limits.PlainIO && s.front.useSocket(c)
		switch {
		case !s.front.slots.take(c):
			c.discard()
		case direct:
			select {
			case next <- c:
			default:
				go s.front.serveCallers(c, next)
			}
		default:
			go s.serveByFasthttp(c)
		}
	}
}

// FlushLines has the log say what its lines counted since the last one, as the process is
// about to end.
func (s *Server) FlushLines() {
	s.front.slots.exhausted.Flush()
	s.front.handshakes.Flush()
}

// handle has the Handler answer a request.
func (f *front) handle(ctx *fasthttp.RequestCtx) {
	c := ConnOf(ctx)
	c.setPhase(phaseHandling)
	defer c.setPhase(phaseAnswered)
	f.handler.Handle(ctx, int64(f.limits.MaxBody))
	writeToEnd(ctx)
}

// expect has the Handler decide about a request that was announced.
func (f *front) expect(ctx *fasthttp.RequestCtx) int {
	ConnOf(ctx).setPhase(phaseHandling) // until handle ends it
	return f.handler.Expect(ctx, int64(f.limits.MaxBody))
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
	ConnOf(ctx).muteIfSilent()
	ConnOf(ctx).Linger()
}

// logPanic says where a panic was that has been recovered, and not what it said, which
// may quote a request.
func (f *front) logPanic() {
	f.log.Error("panic while serving a connection", "stack", string(debug.Stack()))
}
