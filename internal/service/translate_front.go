package service

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/proxy/front"
)

// frontLimits tells the callers' side how much it may take.
func frontLimits(cfg *config.Config, files openFiles) front.Limits {
	return front.Limits{
		MaxBody:        cfg.Proxy.MaxBody,
		MaxConnections: cfg.Proxy.MaxConnections,
		IdleTimeout:    cfg.Proxy.IdleTimeout,
		PlainIO:        cfg.Proxy.PlainIO,
		Descriptors:    files.callers,
	}
}

// callersTLS returns the TLS of the callers' side; nil: callers speak plain HTTP.
func callersTLS(cfg *config.Config) (*tls.Config, error) {
	p := cfg.Proxy
	if p.TLSCert == "" {
		return nil, nil
	}
	pair, err := callersPair(cfg)
	if err != nil {
		return nil, Mistake(cfg, "proxy.tls_cert", language.Textf("reading it and tls_key: %w", err))
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if p.TLSClientCA == "" {
		return c, nil
	}
	pem, err := cfg.ReadFile(p.TLSClientCA)
	if err == nil {
		if c.ClientCAs = x509.NewCertPool(); !c.ClientCAs.AppendCertsFromPEM(pem) {
			err = errors.New("it holds no certificate in PEM")
		}
	}
	if err != nil {
		return nil, Mistake(cfg, "proxy.tls_client_ca", err)
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	if p.TLSClientAuth == "optional" {
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return c, nil
}

// easeLocalTLS leaves the key exchange with ML-KEM out of c, nil or not, if all callers come
// from this machine. It guards what is recorded today from computers to come, costs a third
// of a handshake, and nobody can record what never leaves the machine.
func (s *Service) easeLocalTLS(c *tls.Config) {
	anyPublic := func(l *front.Listener) bool { return isPublic(l.Addr()) }
	if c == nil || len(s.callers) == 0 || slices.ContainsFunc(s.callers, anyPublic) {
		return
	}
	c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
}

// callersPair returns the certificate that callers see.
func callersPair(cfg *config.Config) (tls.Certificate, error) {
	cert, err := cfg.ReadFile(cfg.Proxy.TLSCert)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := cfg.ReadFile(cfg.Proxy.TLSKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}
