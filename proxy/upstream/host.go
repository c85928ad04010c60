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

	"wxproxy/internal/egress"
	"wxproxy/proxy/internal/buffer"
)

// A host is one of WeChat's access points, with its connections and its condition.
type host struct {
	base      *url.URL
	url       string // base as a string
	name      string // for the Host line
	port      string
	way       *way              // nil: it is connected to itself
	excluded  *egress.Exclusion // why; nil: nobody meant it to be otherwise
	addresses addresses         // of the proxy, if there is one
	slow      slowAddresses
	dialer    net.Dialer
	tls       *tls.Config // nil without TLS
	config    HostsConfig
	idle      idleConns
	buffers   buffer.Pool // for requests
	readers   buffer.Readers

	failures   failureCounts
	condition  atomic.Pointer[condition]
	unanswered atomic.Int32  // how many requests in a row it has left without an answer
	wentDown   chan struct{} // wakes the watcher; holds one element at most
}

func newHost(u *url.URL, config HostsConfig, w *way) *host {
	h := &host{
		base:      u,
		url:       u.String(),
		name:      u.Host,
		port:      u.Port(),
		addresses: addresses{name: u.Hostname(), family: config.Family, lookup: config.Lookup},
		config:    config,
		wentDown:  make(chan struct{}, 1),
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
	if config.Excluding != nil {
		h.excluded = config.Excluding(u)
	}
	h.goBy(w)
	return h
}

// reusable returns an idle connection that a request may be sent over, or nil. It uses
// none to a host that is down, even if they seem to be open.
func (h *host) reusable(use reuse) *conn {
	if use == reuseNone || h.isDown() {
		return nil
	}
	for looked := false; ; {
		c := h.idle.take()
		if c == nil {
			return nil
		}
		open := c.isOpen()
		now := time.Now() // after the look, which may have taken long
		switch rest := now.Sub(c.idleFrom); {
		case rest >= h.config.IdleTimeout:
			c.Close()
		case h.idle.noteTaken(c, open, use, now):
			c.sent = now
			return c
		case !open:
			c.Close()
		case looked:
			h.idle.push(c)
			return nil
		default:
			h.idle.push(c)
			h.idle.sweep(1, h.config.IdleTimeout) // the one that has rested longest may prove enough
			looked = true
		}
	}
}

// connect returns a new connection. A host that cannot be reached is down from then on,
// unless this machine is why, and all other attempts to connect to it end at once.
func (h *host) connect(ctx context.Context) (*conn, error) {
	before := h.condition.Load()
	c, err := h.dialPaced(ctx, before)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.url, h.failed(ctx, before, err))
	}
	if before.state != unresponsive {
		h.comeUp(before)
	}
	return c, nil
}

// failed returns why there is no connection to the host, which was in the condition before, for
// err; the host is down, if that is its doing.
func (h *host) failed(ctx context.Context, before *condition, err error) error {
	short, isShort := asShortage(err)
	switch {
	case isShort:
		return short
	case ctx.Err() == nil:
		err = h.blamed(err)
		h.goDown(before, err)
		return h.withCause(err)
	case h.way != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return h.way.proxy.OutOfTime(h.target())
	}
	return err
}

// blamed returns err, for which the host cannot be reached, as one that NO_PROXY may be the
// cause of, if that keeps the host from a proxy and it is nobody's certificate.
func (h *host) blamed(err error) error {
	if _, answers := errors.AsType[*tls.CertificateVerificationError](err); answers || h.excluded == nil || errors.Is(err, errWentDown) {
		return err
	}
	return h.excluded.Blamed(err)
}

// withCause adds why the host went down to the error of an attempt that ended by that: it
// found out nothing itself.
func (h *host) withCause(err error) error {
	if now := h.condition.Load(); errors.Is(err, errWentDown) && now.cause != nil {
		return fmt.Errorf("%w: %w", err, now.cause)
	}
	return err
}

// dial connects to the first address of the host that can be reached. If none can
// although the host was up, dial looks its addresses up anew and tries those that it did
// not know.
func (h *host) dial(ctx context.Context, now *condition) (*conn, error) {
	ips, err := h.addresses.get(ctx, h.config.ConnectTimeout)
	if err != nil {
		return nil, h.way.unknown(h, err)
	}
	if now.isDown() {
		return h.race(ctx, nil, ips) // that the host comes up meanwhile is no reason to end an attempt
	}
	c, err := h.race(ctx, now.over, ips)
	if lacking, other := causesOf(err); err == nil || lacking || !other || ctx.Err() != nil || errors.Is(err, errWentDown) {
		return c, err
	}
	if added := h.addresses.added(ctx, h.config.ConnectTimeout, ips); len(added) > 0 {
		return h.race(ctx, now.over, added)
	}
	return nil, err
}

// race connects to the first of ips that can be reached, and remembers which were slow.
func (h *host) race(ctx context.Context, over <-chan struct{}, ips []netip.Addr) (*conn, error) {
	ips = h.slow.behind(interleave(ips), time.Now())
	c, err := race(ctx, over, ips, h.attempt)
	if err != nil {
		return nil, err
	}
	if winner, ok := c.socket.RemoteAddr().(*net.TCPAddr); ok {
		h.slow.note(ips, winner.AddrPort().Addr().Unmap(), time.Now())
	}
	return c, nil
}
