package proxy

import (
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// Limits bound what callers may send and how long they may take.
type Limits struct {
	MaxBody        int           // bytes of a request's body
	MaxConnections int           // of callers, at a time
	IdleTimeout    time.Duration // of a kept-alive connection
}

const (
	// headerSize bounds a request's header. fasthttp's work on a path grows with
	// the square of its length, which this bounds too.
	headerSize = 16 << 10

	// headerTimeout is how long a caller may take to send a request's header.
	headerTimeout = 30 * time.Second

	// bodyTimeout is how long a caller may take to send a request's body, and to
	// take the answer: enough for 16 MiB over a slow line.
	bodyTimeout = 10 * time.Minute
)

// NewServer returns the server that lets callers reach p.
func NewServer(p *Proxy, limits Limits, log *slog.Logger) *fasthttp.Server {
	return &fasthttp.Server{
		Handler:      p.Handle,
		ErrorHandler: refuseUnreadable,
		HeaderReceived: func(*fasthttp.RequestHeader) fasthttp.RequestConfig {
			return fasthttp.RequestConfig{ReadTimeout: bodyTimeout}
		},
		Concurrency:                  limits.MaxConnections,
		ReadBufferSize:               headerSize,
		ReadTimeout:                  headerTimeout,
		WriteTimeout:                 bodyTimeout,
		IdleTimeout:                  limits.IdleTimeout,
		MaxRequestBodySize:           limits.MaxBody,
		DisablePreParseMultipartForm: true, // it would write uploads anew, with other bytes
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		NoDefaultDate:                true,
		CloseOnShutdown:              true,
		SecureErrorLogMessage:        true,
		Logger:                       serverLog{log},
	}
}

// refuseUnreadable answers a request that fasthttp could not read. Its errors
// quote what the caller sent, so nothing of them is repeated.
func refuseUnreadable(ctx *fasthttp.RequestCtx, err error) {
	var tooLong *fasthttp.ErrSmallBuffer
	var network net.Error
	f := failure{problem: badRequest, detail: "the request is not HTTP/1.1 as RFC 9112 has it"}
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		f = failure{problem: bodyTooLarge, detail: "the body is larger than max_body allows"}
	case errors.As(err, &tooLong):
		f.detail = "the header is longer than 16 KiB"
	case errors.As(err, &network) && network.Timeout():
		f.detail = "the request did not arrive in time"
	}
	f.answer(&ctx.Response)
}

// serverLog takes fasthttp's own log lines. They are formats with data of
// callers in them: the format says what happened, the data stays out.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Printf(format string, _ ...any) {
	l.log.Debug("fasthttp reports", "format", format)
}
