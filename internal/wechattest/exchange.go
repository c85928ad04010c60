package wechattest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"syscall"
	"time"
)

// A call is a request while WeChat works on it.
type call struct {
	Request
	path, query string // as they were sent, nothing decoded
	params      url.Values
	plain       bool // WeChat labels this API's JSON text/plain
	app         *app // whose token or secret was shown; nil while unknown
}

// ServeHTTP implements [http.Handler]. Where a fault closes the connection it
// panics with [http.ErrAbortHandler].
func (w *WeChat) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	a, err := w.exchange(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	a.write(rw)
}

// RoundTrip implements [http.RoundTripper]: it answers in memory. A fault that
// closes the connection appears as the error a socket would report.
func (w *WeChat) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{}) // there is always one
	}
	a, err := w.exchange(r)
	if err != nil {
		return nil, err
	}
	return a.response(r), nil
}

// exchange answers a request. Its error says why there is no answer and the connection
// must be closed.
func (w *WeChat) exchange(r *http.Request) (answer, error) {
	c := newCall(r)
	f := w.arrive(c)
	if f.CloseBefore {
		if err := Pause(r.Context(), f.Delay); err != nil {
			return answer{}, err
		}
		w.record(c)
		return answer{}, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	if err := c.readBody(r); err != nil {
		return answer{}, err
	}
	w.record(c)
	a := w.decide(c, f)
	if err := Pause(r.Context(), f.Delay); err != nil {
		return answer{}, err
	}
	if f.CloseAfter {
		return answer{}, io.ErrUnexpectedEOF
	}
	return f.truncate(a), nil
}

func newCall(r *http.Request) *call {
	c := &call{
		Request: Request{Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header, From: "127.0.0.1"},
		path:    r.URL.EscapedPath(),
		query:   r.URL.RawQuery,
	}
	if c.Target == "" { // the request came in memory, from an http.Client
		c.Target = r.URL.RequestURI()
	}
	if c.Host == "" {
		c.Host = r.URL.Host
	}
	if ip, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		c.From = ip
	}
	return c
}

// readBody completes c with the body of r.
func (c *call) readBody(r *http.Request) error {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return fmt.Errorf("reading the request: %w", err)
		}
		c.Body = body
	}
	// A server gives the length of a chunked body as -1, a client may also
	// give it as 0.
	c.Chunked = r.ContentLength != int64(len(c.Body))
	return nil
}

// decide executes what c asks for, unless f prevents that, and returns the answer.
func (w *WeChat) decide(c *call, f Fault) answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a, instead := w.faulty(c, f); instead {
		return a
	}
	if c.Chunked {
		return answer{status: http.StatusPreconditionFailed, header: contentType("text/html")}
	}
	return w.dispatch(c)
}

// Pause waits for d, or for the caller to go away.
func Pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
