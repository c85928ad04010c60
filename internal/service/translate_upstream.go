package service

import (
	"crypto/x509"
	"fmt"
	"log/slog"

	"wxproxy/accountkind"
	"wxproxy/config"
	"wxproxy/proxy/upstream"
)

// newHosts returns WeChat's hosts, to which there are as many connections as files at
// most.
func newHosts(cfg *config.Config, files int, log *slog.Logger) (*upstream.Hosts, error) {
	to := cfg.Upstream
	roots, err := rootsWith(cfg)
	if err != nil {
		return nil, Mistake(cfg, "upstream.ca_file", err)
	}
	hosts, err := upstream.NewHosts(upstream.HostsConfig{
		URLs:           append([]string{to.URL}, to.FallbackURLs...),
		Roots:          roots,
		Family:         family(to.IPFamily),
		ConnectTimeout: to.ConnectTimeout,
		Timeout:        to.Timeout,
		IdleTimeout:    to.IdleTimeout,
		MaxConnections: min(to.MaxConnections, files),
		ProbePath:      accountkind.WeChat.ProbePath,
		PlainIO:        cfg.Proxy.PlainIO,
		Log:            log,
	})
	if err != nil {
		return nil, Mistake(cfg, "upstream.url", err)
	}
	return hosts, nil
}

// family returns what package upstream calls an ip_family, of which config lets only these
// words through.
func family(word string) upstream.Family {
	switch of := upstream.Family(word); of {
	case upstream.FamilyAny, upstream.FamilyIPv4, upstream.FamilyIPv6:
		return of
	}
	panic("BUG: package upstream knows no such ip_family: " + word)
}

// rootsWith returns the system's roots and those in ca_file; nil, which is the
// system's alone, without one.
func rootsWith(cfg *config.Config) (*x509.CertPool, error) {
	caFile := cfg.Upstream.CAFile
	if caFile == "" {
		return nil, nil
	}
	pem, err := cfg.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("reading root certificates: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading root certificates: %s holds none in PEM", caFile)
	}
	return roots, nil
}
