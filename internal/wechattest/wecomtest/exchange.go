package wecomtest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"syscall"
	"time"

	"wxproxy/internal/wechattest"
)

// A call is a request while WeCom works on it.
type call struct {
	wechattest.Request
	path   string
	params url.Values
	app    *Application // whose token or secret was shown; nil: nobody's
}

// ServeHTTP implements [http.Handler]. Where a fault closes the connection it panics with
// [http.ErrAbortHandler].
func (w *WeCom) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	a, err := w.exchange(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	a.write(rw)
}

// RoundTrip implements [http.RoundTripper]: it answers in memory. The caller has the
// address 127.0.0.1, unless the request's RemoteAddr is another. A fault that closes the
// connection appears as the error a socket would report.
func (w *WeCom) RoundTrip(r *http.Request) (*http.Response, error) {
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
func (w *WeCom) exchange(r *http.Request) (answer, error) {
	c := newCall(r)
	f, leave := w.arrive(c)
	defer leave()
	if f.CloseBefore {
		if err := wechattest.Pause(r.Context(), f.Delay); err != nil {
			return answer{}, err
		}
		w.record(c)
		return answer{}, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return answer{}, fmt.Errorf("reading the request: %w", err)
		}
		c.Body = body
	}
	c.Chunked = r.ContentLength != int64(len(c.Body))
	w.record(c)
	a, latency := w.decide(c, f)
	if err := wechattest.Pause(r.Context(), latency+f.Delay); err != nil {
		return answer{}, err
	}
	if f.CloseAfter {
		return answer{}, io.ErrUnexpectedEOF
	}
	return a, nil
}

func newCall(r *http.Request) *call {
	c := &call{
		Request: wechattest.Request{Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header, From: "127.0.0.1"},
		path:    "/" + strings.TrimLeft(r.URL.EscapedPath(), "/"), // PowerWeChat sends two slashes to WeCom itself
	}
	c.params, _ = url.ParseQuery(r.URL.RawQuery) // parameters that cannot be decoded are left out
	if c.Target == "" {                          // the request came in memory, from an http.Client
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

// arrive counts c, and returns the fault that strikes it and what is to be done when it is
// answered.
func (w *WeCom) arrive(c *call) (f Fault, leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.app = w.owner(c)
	w.calls[caller{c.path, c.From, c.app}]++
	for _, i := range w.faults {
		if matches(i.Path, c.path) && i.strikes() {
			f = i.Fault
			break
		}
	}
	if c.app == nil {
		return f, func() {}
	}
	key := c.app.CorpID + " " + c.path
	w.flying[key]++
	return f, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.flying[key]--
	}
}

// owner returns the application whose token or secret c shows; nil: nobody's.
func (w *WeCom) owner(c *call) *Application {
	if c.path == pathGetToken {
		a, _ := w.bySecret(c.params.Get("corpid"), c.params.Get("corpsecret"))
		return a
	}
	if t := w.tokens[c.params.Get("access_token")]; t != nil {
		return t.app
	}
	return nil
}

// decide executes what c asks for, unless f prevents that, and returns the answer and how
// long it takes.
func (w *WeCom) decide(c *call, f Fault) (a answer, latency time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case f.Errcode != 0:
		a = w.refuse(c, f.Errcode)
	case f.Status != 0:
		a = answer{status: f.Status, header: http.Header{"Content-Type": {"text/html"}}, body: f.Body}
	default:
		a = w.dispatch(c)
	}
	return a, w.rules.Latency
}
