package front

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// signed returns a certificate called name, signed by ca or, if that is nil, by itself.
func signed(t *testing.T, name string, ca *tls.Certificate, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"proxy"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: ca == nil, BasicConstraintsValid: true,
	}
	if change != nil {
		change(template)
	}
	parent, signer := template, any(key)
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// acceptedFrom returns the accepted side of a connection whose other side is the caller's.
func acceptedFrom(t *testing.T, caller func(net.Conn)) net.Conn {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	go func() {
		defer far.Close()
		caller(far)
	}()
	return near
}

// Whoever is refused in the handshake reads no answer, so the log says why, in words that
// are none of the caller's.
func TestAHandshakeThatFailsIsExplained(t *testing.T) {
	ca, other := signed(t, "ca", nil, nil), signed(t, "canary", nil, nil)
	server := signed(t, "server", &ca, nil)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	client := func(certificates ...tls.Certificate) func(net.Conn) {
		return func(c net.Conn) {
			secure := tls.Client(c, &tls.Config{RootCAs: roots, ServerName: "proxy", GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return &append(certificates, tls.Certificate{})[0], nil
			}})
			_, _ = secure.Write([]byte("x"))
			_, _ = io.Copy(io.Discard, secure)
		}
	}
	sends := func(text string) func(net.Conn) {
		return func(c net.Conn) { _, _ = io.WriteString(c, text); c.Close() }
	}
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	forServers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	for name, row := range map[string]struct {
		caller func(net.Conn)
		want   string
	}{
		"none":             {client(), "shown no certificate"},
		"another CA":       {client(signed(t, "canary", &other, nil)), "of another CA"},
		"expired":          {client(signed(t, "canary", &ca, expired)), "has expired"},
		"not for a client": {client(signed(t, "canary", &ca, forServers)), "not one for clients"},
		"plain HTTP":       {sends("GET /canary HTTP/1.1\r\nHost: canary\r\n\r\n"), "speaks plain HTTP"},
		"something else":   {sends("canary canary canary"), "does not speak TLS"},
		"an old version": {func(c net.Conn) {
			_ = tls.Client(c, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
		}, "versions of TLS before 1.2"},
		"no trust": {func(c net.Conn) {
			_ = tls.Client(c, &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "proxy"}).Handshake()
		}, "maybe because it does not trust tls_cert"},
		"no trust, of OpenSSL": {func(c net.Conn) {
			unknownCA := func([][]byte, [][]*x509.Certificate) error {
				_, _ = io.WriteString(c, "\x15\x03\x03\x00\x02\x02\x30") // a plain alert, where an encrypted one is due
				return errors.New("no trust")
			}
			_ = tls.Client(c, &tls.Config{InsecureSkipVerify: true, VerifyPeerCertificate: unknownCA}).Handshake()
		}, "maybe because it does not trust tls_cert"},
		"half of one": {sends("\x16\x03\x01\x02\x00\x01"), "the caller left"},
		"slow":        {func(c net.Conn) { _, _ = io.WriteString(c, "\x16"); _, _ = io.Copy(io.Discard, c) }, "in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			near := acceptedFrom(t, row.caller)
			limit := time.Minute
			if name == "slow" {
				limit = 50 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			err := tls.Server(near, &tls.Config{
				Certificates: []tls.Certificate{server}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert,
			}).HandshakeContext(ctx)
			if err == nil {
				t.Fatal("the handshake came about")
			}
			if got := handshakeFailure(err); !strings.Contains(got, row.want) || strings.Contains(got, "canary") {
				t.Errorf("got %q of %v; want %q", got, err, row.want)
			}
		})
	}
	if got := handshakeFailure(errors.New("tls: client requested canary")); strings.Contains(got, "canary") {
		t.Errorf("got %q; want nothing of what the caller sent", got)
	}
}
