package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// Tunnel has the proxy, which conn leads to, connect to target, host:port, until ctx ends,
// and returns the connection to target: conn itself, unless the proxy has TLS. An error that
// is the proxy's doing is a [*Fault]. Who called closes conn after any error.
func (p *Proxy) Tunnel(ctx context.Context, conn net.Conn, target string) (net.Conn, error) {
	if p.tls != nil {
		secure := tls.Client(conn, p.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, p.untrusted(ctx, target, err)
		}
		conn = secure
	}
	release := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // which ends what waits
	ask := p.connect
	if p.scheme == overSOCKS {
		ask = p.socks
	}
	err := ask(conn, target)
	if !release() && err == nil {
		err = ctx.Err()
	}
	return conn, p.blamed(ctx, target, err)
}

// blamed returns err, with which asking the proxy for target ended, as what it says of the
// proxy, and nil as it is.
func (p *Proxy) blamed(ctx context.Context, target string, err error) error {
	said, isFault := errors.AsType[*Fault](err)
	switch {
	case err == nil:
		return nil
	case isFault:
		said.Proxy, said.Target, said.setting, said.scheme = p.Address(), target, p.setting, p.scheme
		return said
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return p.fault(late, target, nil)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return p.fault(cut, target, nil)
	}
	return p.fault(cut, target, err)
}

// untrusted returns err, with which the TLS handshake with the proxy ended, as a fault.
func (p *Proxy) untrusted(ctx context.Context, target string, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return p.fault(noTLS, target, errors.New("it did not shake hands in time"))
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return p.fault(noTLS, target, err)
}

// Unknown returns err, for which the proxy's name cannot be looked up, as a fault.
func (p *Proxy) Unknown(target string, err error) error { return p.fault(unknown, target, err) }

// Unreachable returns err, for which there is no connection to the proxy, as a fault.
func (p *Proxy) Unreachable(target string, err error) error {
	return p.fault(unreachable, target, err)
}

// Hangs returns err, for which there is no tunnel to target in time, after another host had
// none either, as a fault.
func (p *Proxy) Hangs(target string, err error) error { return p.fault(hangs, target, err) }

// OutOfTime returns the fault that who asks had no more time before there was a tunnel to
// target.
func (p *Proxy) OutOfTime(target string) error { return p.fault(outOfTime, target, nil) }

// Handshake returns err, with which the TLS handshake with target through the proxy
// ended, as a fault: nobody can see whether the proxy is why.
func (p *Proxy) Handshake(ctx context.Context, target string, err error) error {
	_, opened := errors.AsType[*tls.CertificateVerificationError](err)
	_, noRecord := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return p.fault(late, target, nil)
	case ctx.Err() != nil:
		return ctx.Err()
	case opened:
		return p.fault(intercepted, target, err)
	case noRecord:
		return p.fault(page, target, nil)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return p.fault(cut, target, nil)
	}
	return p.fault(unshaken, target, err)
}
