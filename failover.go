package main

import (
	"context"
	"net"
	"net/http"

	"wxproxy/proxy"
)

// A failover sends each request, over a connection of its own, to the host of
// WeChat that the proxy's callers get their answers from, wherever the request
// is addressed to.
type failover struct{ hosts *proxy.Hosts }

// RoundTrip implements [http.RoundTripper].
func (f failover) RoundTrip(req *http.Request) (*http.Response, error) {
	conn, host, err := f.hosts.Dial(req.Context())
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	connected := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	once := http.Transport{DialContext: connected, DialTLSContext: connected, DisableKeepAlives: true}
	readdressed := req.Clone(req.Context())
	readdressed.URL.Scheme, readdressed.URL.Host, readdressed.Host = host.Scheme, host.Host, host.Host
	resp, err := once.RoundTrip(readdressed)
	if err != nil {
		conn.Close() // it may have ended before it took the connection
	}
	return resp, err
}
