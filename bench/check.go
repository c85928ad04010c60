//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"wxproxy/bench/load"
	"wxproxy/bench/peer"
	"wxproxy/bench/upstream"
)

// sendPath is the path of all calls: it sends the kind of message that most programs send.
const sendPath = "/cgi-bin/message/custom/send"

// postLength is the length of a request's body, as in earlier studies.
const postLength = 476

// standard returns what a proxy at addr gets: POSTs of 476 bytes from one caller.
func standard(addr string) load.Target {
	return load.Target{Addr: addr, Calls: []load.Call{{Path: sendPath, Key: peer.ClientKey(0)}}, Body: load.Body(postLength)}
}

// begin starts a proxy and waits until it passes check.
func begin(ctx context.Context, p *peer.Peer, s peer.Site, up *upstream.Server) (*contestant, error) {
	process, err := p.Start(s)
	if err != nil {
		return nil, err
	}
	c := &contestant{Process: process, name: p.Name, target: standard(process.Addr), upstream: up}
	if s.Callers != "" {
		if c.target.TLS, err = trusting(s.Callers); err != nil {
			return nil, errors.Join(err, process.Stop())
		}
	}
	err = process.Await(ctx, func() error {
		if err := process.Ready(); err != nil {
			return err
		}
		c.readyAfter = time.Since(process.Began)
		_, err := c.ask(ctx, c.target.Calls[0])
		return err
	})
	if err == nil {
		err = c.check(ctx, p)
	}
	if err != nil {
		process.Stop() //nolint:errcheck // the reason is err
		return nil, err
	}
	return c, nil
}

// trusting returns what callers know of TLS who trust the certificate in the file. They are
// like programs with OpenSSL 3.0, which knows no key exchange with ML-KEM.
func trusting(path string) (*tls.Config, error) {
	certificate, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("trusting a certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	return &tls.Config{RootCAs: roots, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}, nil
}

// ask makes one call and returns the answer's status, which is 200 if the body is
// the upstream's.
func (c *contestant) ask(ctx context.Context, call load.Call) (status int, err error) {
	scheme, transport := "http://", cmp.Or(c.transport, http.RoundTripper(http.DefaultTransport))
	if c.target.TLS != nil {
		scheme, transport = "https://", &http.Transport{TLSClientConfig: c.target.TLS, DisableKeepAlives: true}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, scheme+c.target.Addr+call.Path, bytes.NewReader(c.target.Body))
	if err != nil {
		return 0, err
	}
	if call.Key != load.NoKey {
		request.Header.Set("Authorization", "Bearer "+call.Key)
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	if answer.StatusCode == http.StatusOK && string(body) != upstream.Answer {
		return 0, fmt.Errorf("%s answers %q", c.name, body)
	}
	return answer.StatusCode, nil
}

// check fails unless the proxy does all that it is measured for: it adds the token and
// removes the caller's key.
func (c *contestant) check(ctx context.Context, p *peer.Peer) error {
	c.upstream.Record()
	status, err := c.ask(ctx, c.target.Calls[0])
	if err != nil {
		return fmt.Errorf("checking %s: %w", c.name, err)
	}
	if status != http.StatusOK {
		return fmt.Errorf("checking %s: it answers with status %d", c.name, status)
	}
	line, fields, _ := strings.Cut(string(c.upstream.Recorded()), "\r\n")
	want := "POST " + sendPath + "?access_token=" + upstream.Token + " HTTP/1.1"
	if fields = strings.ToLower(fields); line != want || strings.Contains(fields, "authorization:") || strings.Contains(fields, "connection: close") {
		return fmt.Errorf("checking %s: the upstream sees %q %q", c.name, line, fields)
	}
	if !p.Checks {
		return nil
	}
	for call, want := range map[load.Call]int{
		{Path: sendPath, Key: "wrong"}:                               http.StatusUnauthorized,
		{Path: "/cgi-bin/menu/create", Key: peer.ClientKey(0)}:       http.StatusForbidden,
		{Path: "/cgi-bin/message/mass/send", Key: peer.ClientKey(0)}: http.StatusForbidden,
	} {
		status, err := c.ask(ctx, call)
		if err != nil {
			return fmt.Errorf("checking %s: %w", c.name, err)
		}
		if status != want {
			return fmt.Errorf("checking %s: %s gets status %d instead of %d", c.name, call.Path, status, want)
		}
	}
	return nil
}
