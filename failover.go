package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// A failover asks the first of WeChat's hosts that can be connected to: the one
// that the request names, then the others. Where no connection came about
// nothing was sent, so that nothing is asked twice.
type failover struct {
	transport http.RoundTripper
	others    []string // scheme and host only
}

// RoundTrip implements [http.RoundTripper].
func (f *failover) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := f.transport.RoundTrip(req)
	for _, other := range f.others {
		if !unconnected(err) || req.Context().Err() != nil {
			break
		}
		again, readdressErr := readdressed(req, other)
		if readdressErr != nil {
			return nil, readdressErr
		}
		resp, err = f.transport.RoundTrip(again)
	}
	return resp, err
}

// readdressed returns a copy of req for another host.
func readdressed(req *http.Request, other string) (*http.Request, error) {
	u, err := url.Parse(other)
	if err != nil {
		return nil, fmt.Errorf("reading a URL of upstream.fallback_urls: %w", err)
	}
	again := req.Clone(req.Context())
	again.URL.Scheme, again.URL.Host, again.Host = u.Scheme, u.Host, u.Host
	if req.GetBody != nil {
		again.Body, err = req.GetBody()
	}
	return again, err
}

// unconnected reports whether err is that no connection came about.
func unconnected(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial"
}
