package front

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// handshakeTimeout is how long a TLS handshake may take.
const handshakeTimeout = 10 * time.Second

// newFasthttp returns fasthttp's server, which serves callers that speak TLS, and all of
// them on other systems than Linux and with Limits.PlainIO.
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

// serveByFasthttp has fasthttp's server serve a caller.
func (s *Server) serveByFasthttp(c *Conn) {
	defer s.front.slots.release(c)
	defer s.front.closeAfterPanic(c)
	conn, err := c.shakeHands()
	if err != nil {
		s.front.noteHandshake(c, err)
		c.Close()
		return
	}
	_ = s.fasthttp.ServeConn(conn) // which has answered whatever went wrong
}

// closeAfterPanic closes c, if what serves it panics. It has to be deferred itself.
func (f *front) closeAfterPanic(c *Conn) {
	if recover() != nil {
		f.logPanic()
		c.Close()
	}
}

// shakeHands returns the connection as requests come over it, behind a TLS
// handshake if the listener asks for one.
func (c *Conn) shakeHands() (net.Conn, error) {
	if c.listener.TLS == nil {
		return c, nil
	}
	timeout := min(handshakeTimeout, c.slots.limits.HeaderTimeout)
	if c.IsSurplus() {
		timeout = min(timeout, surplusTime)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if c.tlsConfig = c.listener.TLS(); c.tlsConfig == nil {
		return nil, errNoTLS
	}
	secure := tls.Server(c, c.tlsConfig)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	c.secure, c.name = secure, shownName(secure.ConnectionState())
	return secure, nil
}

// handleSafely is handle for fasthttp's server, for which a panic would end the process.
func (f *front) handleSafely(ctx *fasthttp.RequestCtx) {
	defer func() {
		if recover() != nil {
			f.logPanic()
			ctx.Response.Reset()
			ctx.Error("", fasthttp.StatusInternalServerError)
			ctx.Response.SetConnectionClose()
		}
	}()
	f.handle(ctx)
}

// headerReceived gives the body's first byte, for which fasthttp waits before it calls
// the Handler, its own time.
func (f *front) headerReceived(h *fasthttp.RequestHeader) (c fasthttp.RequestConfig) {
	switch length := h.ContentLength(); {
	case length > f.limits.MaxBody:
		c.ReadTimeout = 1 // a nanosecond, which is over already: see Conn.SetReadDeadline
	case length > 0:
		c.ReadTimeout = f.firstByteTime(h.RequestURI())
	}
	spellExpectation(h)
	return c
}

// firstByteTime returns how long the first byte of a body may take: not long where the
// caller has not shown yet who it is.
func (f *front) firstByteTime(target []byte) time.Duration {
	if f.handler.IsProvenByBody(target) {
		return min(f.limits.StallTimeout, f.limits.UnprovenBodyTime)
	}
	return f.limits.StallTimeout
}

// serverLog takes fasthttp's own log lines. They are formats with data of
// callers in them: the format says what happened, the data stays out.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Printf(format string, _ ...any) {
	l.log.Debug("fasthttp reports", "format", format)
}
