package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"wxproxy/proxy/internal/buffer"
	"wxproxy/proxy/internal/socket"
)

// A host is one of WeChat's access points.
type host struct {
	base      *url.URL
	url       string // base, in words
	name      string // for the Host line
	port      string
	addresses addresses
	slow      slowAddresses
	dialer    net.Dialer
	tls       *tls.Config // nil without TLS
	limit     HostsConfig
	idle      idleConns
	scratches buffer.Pool // for requests
	readers   buffer.Readers

	condition atomic.Pointer[condition]
	mute      atomic.Int32  // how many requests in a row it has left without an answer
	fell      chan struct{} // wakes the watcher; one element says as much as many
}

func newHost(u *url.URL, config HostsConfig) *host {
	h := &host{
		base:      u,
		url:       u.String(),
		name:      u.Host,
		port:      u.Port(),
		addresses: addresses{name: u.Hostname(), family: config.Family, lookup: config.Lookup},
		limit:     config,
		fell:      make(chan struct{}, 1),
	}
	h.condition.Store(&condition{since: time.Now(), over: make(chan struct{})})
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
	if h.port == "" {
		h.port = port
	}
	return h
}

// reusable returns an idle connection that is still alive, or nil. Connections
// to a host that is down are not used, even if they look alive.
func (h *host) reusable(use reuse) *conn {
	if use == reuseNone || h.isDown() {
		return nil
	}
	for looked := false; ; {
		c := h.idle.take()
		if c == nil {
			return nil
		}
		silent := c.isSilent()
		now := time.Now() // after the look, which may have taken long
		switch age := now.Sub(c.idleFrom); {
		case age >= h.limit.IdleTimeout:
			c.Close()
		case h.idle.observe(c, silent, use, now):
			c.sent = now
			return c
		case !silent:
			c.Close()
		case looked:
			h.idle.push(c)
			return nil
		default:
			h.idle.push(c)
			h.idle.sweep(1, h.limit.IdleTimeout) // the oldest one may prove enough
			looked = true
		}
	}
}

// connect returns a new connection. A host that cannot be reached is down from
// then on, unless this machine is why; everybody who is waiting for a connection to
// it is told at once.
func (h *host) connect(ctx context.Context) (*conn, error) {
	before := h.condition.Load()
	c, err := h.dial(ctx, before)
	if err != nil {
		if short, ok := asShortage(err); ok {
			err = short
		} else if ctx.Err() == nil {
			h.goDown(before, err)
		}
		return nil, fmt.Errorf("%s: %w", h.url, err)
	}
	if !before.mute {
		h.comeUp(before)
	}
	return c, nil
}

// dial connects to the first address of the host that can be reached. If that is
// none although the host is up, the addresses may be those of yesterday.
func (h *host) dial(ctx context.Context, now *condition) (*conn, error) {
	ips, err := h.addresses.get(ctx, h.limit.ConnectTimeout)
	if err != nil {
		return nil, err
	}
	if now.down {
		return h.race(ctx, nil, ips) // coming up ends no attempt
	}
	c, err := h.race(ctx, now.over, ips)
	if here, there := blame(err); err == nil || here || !there || ctx.Err() != nil || errors.Is(err, errWentDown) {
		return c, err
	}
	if elsewhere := h.addresses.moved(ctx, h.limit.ConnectTimeout, ips); len(elsewhere) > 0 {
		return h.race(ctx, now.over, elsewhere)
	}
	return nil, err
}

// race connects to the first of ips that can be reached.
func (h *host) race(ctx context.Context, over <-chan struct{}, ips []netip.Addr) (*conn, error) {
	ips = h.slow.last(interleave(ips), time.Now())
	c, err := race(ctx, over, ips, h.attempt)
	if err != nil {
		return nil, err
	}
	if winner, ok := c.socket.RemoteAddr().(*net.TCPAddr); ok {
		h.slow.won(ips, winner.AddrPort().Addr().Unmap(), time.Now())
	}
	return c, nil
}

// attempt connects to one address and shakes hands, within the connect
// time-out.
func (h *host) attempt(ctx context.Context, ip netip.Addr) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, h.limit.ConnectTimeout)
	defer cancel()
	address := net.JoinHostPort(ip.String(), h.port)
	plain, err := h.dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	c := &conn{Conn: plain, socket: plain, host: h, born: time.Now()}
	if direct := socket.New(plain, &h.scratches); direct != nil && !h.limit.PlainIO {
		c.Conn, c.socket, c.direct = direct, direct, direct
	}
	if h.tls != nil {
		secure := tls.Client(c.socket, h.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			plain.Close()
			return nil, fmt.Errorf("shaking hands with %s: %w", address, err)
		}
		c.Conn = secure
	}
	c.sent = time.Now()
	return c, nil
}
