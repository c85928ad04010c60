package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"
	"time"
)

// A host is one of WeChat's access points.
type host struct {
	url     string
	name    string // for the Host line
	address string // host:port to dial
	tls     *tls.Config
	limit   HostsConfig
	idle    idleConns

	downUntil atomic.Int64 // Unix nanoseconds
}

func newHost(u *url.URL, config HostsConfig) *host {
	h := &host{url: u.String(), name: u.Host, address: u.Host, limit: config}
	port := "80"
	if u.Scheme == "https" {
		port = "443"
		h.tls = &tls.Config{
			ServerName:                  u.Hostname(),
			RootCAs:                     config.Roots,
			MinVersion:                  tls.VersionTLS12,
			NextProtos:                  []string{"http/1.1"},
			ClientSessionCache:          tls.NewLRUClientSessionCache(0),
			DynamicRecordSizingDisabled: true, // one record and one write per request
		}
	}
	if u.Port() == "" {
		h.address = net.JoinHostPort(u.Hostname(), port)
	}
	return h
}

func (h *host) isDown() bool { return time.Now().UnixNano() < h.downUntil.Load() }

// connect returns an idle connection that is still alive if reuse is set, else
// a new one.
func (h *host) connect(reuse bool) (*conn, error) {
	for reuse {
		c := h.idle.pop()
		if c == nil {
			break
		}
		if time.Since(c.idleFrom) < h.limit.IdleTimeout && isSilent(c.socket) {
			return c, nil
		}
		c.Close()
	}
	c, err := h.dial()
	if err != nil {
		h.downUntil.Store(time.Now().Add(downTime).UnixNano())
		return nil, fmt.Errorf("connecting to %s: %w", h.url, err)
	}
	h.downUntil.Store(0)
	return c, nil
}

// dial connects to the host and shakes hands within the connect time-out.
func (h *host) dial() (*conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), h.limit.ConnectTimeout)
	defer cancel()
	var dialer net.Dialer
	socket, err := dialer.DialContext(ctx, "tcp", h.address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: socket, socket: socket, host: h}
	if h.tls != nil {
		secure := tls.Client(socket, h.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			socket.Close()
			return nil, err
		}
		c.Conn = secure
	}
	c.reader = bufio.NewReaderSize(c, responseHeaderSize)
	return c, nil
}

func (h *host) closeIdle() {
	for c := h.idle.pop(); c != nil; c = h.idle.pop() {
		c.Close()
	}
}
