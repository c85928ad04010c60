package sending

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// Send sends p, and returns the program's reply, or a *Failure.
func (s *Sender) Send(ctx context.Context, p *Push) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	response, err := s.roundTrip(ctx, p)
	if err != nil {
		return Answer{}, explain(ctx, err)
	}
	defer response.Body.Close()
	return s.judge(ctx, response)
}

// Deliver sends p to a program whose reply is of no use to anybody: it returns nil if the
// program has taken p, else a *Failure.
func (s *Sender) Deliver(ctx context.Context, p *Push) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	response, err := s.roundTrip(ctx, p)
	if err != nil {
		return explain(ctx, err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, maxReply) // so that the connection can be used again
	return judgeStatus(response)
}

// roundTrip sends p. A program may close a kept-alive connection at any time: if it turns
// out that it did, and no byte of an answer came, p is sent once more on a new one.
func (s *Sender) roundTrip(ctx context.Context, p *Push) (*http.Response, error) {
	var reused bool
	var answered atomic.Bool // told by the connection's own goroutine
	trace := &httptrace.ClientTrace{
		GotConn:              func(c httptrace.GotConnInfo) { reused = c.Reused },
		GotFirstResponseByte: func() { answered.Store(true) },
	}
	response, err := s.kept.RoundTrip(s.request(httptrace.WithClientTrace(ctx, trace), p))
	if err == nil || !reused || answered.Load() || ctx.Err() != nil {
		return response, err
	}
	return s.fresh.RoundTrip(s.request(ctx, p))
}
