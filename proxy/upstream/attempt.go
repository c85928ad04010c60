package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"time"

	"wxproxy/proxy/internal/socket"
)

// attempt connects to the host over one address, which is the host's or its proxy's, with
// all handshakes that there are, within the connect time-out.
func (h *host) attempt(ctx context.Context, ip netip.Addr) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, h.config.ConnectTimeout)
	defer cancel()
	address := net.JoinHostPort(ip.String(), h.way.port(h.port))
	plain, err := h.dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, h.way.unreached(h, err)
	}
	c, err := h.established(ctx, plain)
	if err != nil {
		plain.Close()
		return nil, err
	}
	c.sent = time.Now()
	return c, nil
}

// established returns the connection to the host over a new one to it, or to its proxy.
func (h *host) established(ctx context.Context, plain net.Conn) (*conn, error) {
	c := &conn{Conn: plain, socket: plain, host: h, born: time.Now()}
	if h.way != nil {
		var err error
		if c.Conn, err = h.way.proxy.Tunnel(ctx, plain, h.target()); err != nil {
			return nil, err
		}
	}
	if c.Conn == plain && !h.config.PlainIO { // TLS to a proxy is package net's
		if direct := socket.New(plain, &h.buffers); direct != nil {
			c.Conn, c.socket, c.direct = direct, direct, direct
		}
	}
	if h.tls == nil {
		return c, nil
	}
	secure := tls.Client(c.Conn, h.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		if h.way != nil {
			return nil, h.way.proxy.Handshake(ctx, h.target(), err)
		}
		return nil, fmt.Errorf("shaking hands with %s: %w", plain.RemoteAddr(), err)
	}
	c.Conn = secure
	return c, nil
}

// target returns where the host is, as a proxy is told.
func (h *host) target() string { return net.JoinHostPort(h.base.Hostname(), h.port) }

// address returns the proxy's; empty: there is none.
func (w *way) address() string {
	if w == nil {
		return ""
	}
	return w.proxy.Address()
}

// port returns the port that is dialled for a host with a port of its own.
func (w *way) port(own string) string {
	if w == nil {
		return own
	}
	return w.proxy.Port()
}

// unreached returns err, with which dialling for a host ended.
func (w *way) unreached(h *host, err error) error {
	if w == nil {
		return fmt.Errorf("connecting: %w", err)
	}
	return w.proxy.Unreachable(h.target(), err)
}

// unknown returns err, for which there are no addresses to dial for a host.
func (w *way) unknown(h *host, err error) error {
	if w == nil {
		return err
	}
	return w.proxy.Unknown(h.target(), err)
}
