package service

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"wxproxy/proxy/upstream"
)

// A failover sends each request, over a connection of its own, to the host of
// WeChat that the proxy's callers get their answers from, wherever the request
// is addressed to. One that says that it repeats no effect (its header has the key
// Idempotency-Key) is sent to the next host as well, if the first does not answer.
type failover struct{ hosts *upstream.Hosts }

// RoundTrip implements [http.RoundTripper].
func (f failover) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close() // each attempt has one of its own
	}
	_, repeatable := req.Header["Idempotency-Key"]
	repeatable = repeatable && len(f.hosts.States()) > 1
	resp, host, err := f.ask(req, nil, repeatable)
	if err == nil || !repeatable || host == nil || req.Context().Err() != nil {
		return resp, err
	}
	if resp, _, again := f.ask(req, host, false); again == nil {
		return resp, nil
	}
	return nil, err
}

// ask sends the request to a host that is not the one with that URL, and returns the
// host's URL, nil if none can be reached. The answer may take as long as the request
// has time, but for some of it if there is a second host to ask.
func (f failover) ask(req *http.Request, not *url.URL, more bool) (*http.Response, *url.URL, error) {
	conn, host, err := f.hosts.Dial(req.Context(), not)
	if err != nil {
		return nil, nil, err
	}
	connected := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	once := http.Transport{DialContext: connected, DialTLSContext: connected, DisableKeepAlives: true}
	sent := time.Now()
	if deadline, ok := req.Context().Deadline(); ok && more {
		once.ResponseHeaderTimeout = deadline.Sub(sent) / 10 * 7
	}
	readdressed := req.Clone(req.Context())
	if req.GetBody != nil {
		if readdressed.Body, err = req.GetBody(); err != nil {
			conn.Close()
			return nil, host, err
		}
	}
	readdressed.URL.Scheme, readdressed.URL.Host, readdressed.Host = host.Scheme, host.Host, host.Host
	resp, err := once.RoundTrip(readdressed)
	if err != nil {
		conn.Close() // it may have ended before it took the connection
	}
	if !errors.Is(err, context.Canceled) {
		f.hosts.Report(host, sent, err)
	}
	return resp, host, err
}
