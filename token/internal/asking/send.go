// Package asking is what all have in common that ask an issuer of tokens over HTTP: how a
// question is sent, how the answer is read, and what kept it from coming. It knows no
// errcode.
package asking

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// MaxAnswer is far more than an issuer needs to answer with a token.
const MaxAnswer = 64 << 10

// Repeatable says that the request has no effect that sending it twice would repeat,
// as net/http wants it said: nothing of it is sent. A classic token is another one
// each time it is asked for.
func Repeatable(req *http.Request) { req.Header["Idempotency-Key"] = nil }

// Send returns the body that answers req, or the beginning of a long one. A redirect is an
// answer like any other: the secret goes where the configuration says, and nowhere else.
func Send(issuer string, client *http.Client, req *http.Request, most int64) ([]byte, error) {
	once := *client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	var connected atomic.Bool // net/http may say so late
	trace := httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	ctx := httptrace.WithClientTrace(req.Context(), &trace)
	if once.Timeout > 0 { // net/http's own would hide why there was no connection
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, once.Timeout)
		defer cancel()
		once.Timeout = 0
	}
	resp, err := once.Do(req.WithContext(ctx))
	if err != nil && !connected.Load() {
		return nil, NotSent(err)
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if resp.StatusCode != http.StatusOK {
		return nil, Bad(fmt.Sprintf("%s's answer is HTTP status %d", issuer, resp.StatusCode))
	}
	return body, err
}
