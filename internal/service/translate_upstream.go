package service

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"reflect"

	"wxproxy/config"
	"wxproxy/internal/egress"
	"wxproxy/proxy/upstream"
)

// A hostsByKind are the hosts of each kind that there are accounts of.
type hostsByKind map[config.Kind]*upstream.Hosts

// newHosts returns the hosts of a kind, to which there are as many connections as files at
// most.
func newHosts(cfg *config.Config, kind config.Kind, files int, log *slog.Logger) (*upstream.Hosts, error) {
	to := cfg.UpstreamOf(kind)
	roots, err := rootsWith(cfg, to.CAFile)
	if err != nil {
		return nil, Mistake(cfg, kind.Section()+".ca_file", err)
	}
	hosts, err := upstream.NewHosts(upstream.HostsConfig{
		Name:           kind.Table().Name,
		URLs:           append([]string{to.URL}, to.FallbackURLs...),
		Roots:          roots,
		Family:         family(to.IPFamily),
		ConnectTimeout: to.ConnectTimeout,
		Timeout:        to.Timeout,
		IdleTimeout:    to.IdleTimeout,
		MaxConnections: min(to.MaxConnections, files),
		ProbePath:      kind.Table().ProbePath,
		PlainIO:        cfg.Proxy.PlainIO,
		Log:            log,
		Proxy:          egressOf(cfg, kind),
		Excluding:      cfg.ProxyOf(kind).Excluding,
	})
	if err != nil {
		return nil, Mistake(cfg, kind.Section()+".url", err)
	}
	return hosts, nil
}

// egressOf returns the function that says which proxy leads to a host. What it is told
// with was checked with the configuration.
func egressOf(cfg *config.Config, kind config.Kind) func(*url.URL) *egress.Proxy {
	choice := cfg.ProxyOf(kind)
	return func(host *url.URL) *egress.Proxy {
		proxy, _, err := choice.For(host)
		if err != nil {
			panic("BUG: the configuration has a proxy that is none")
		}
		return proxy
	}
}

// allHosts returns the hosts of all kinds of cfg, with which nothing lasts.
func allHosts(cfg *config.Config) (hostsByKind, error) {
	all := hostsByKind{}
	for _, kind := range cfg.Kinds() {
		hosts, err := newHosts(cfg, kind, math.MaxInt, slog.New(slog.DiscardHandler))
		if err != nil {
			return nil, err
		}
		all[kind] = hosts
	}
	return all, nil
}

// isSameWay reports whether the hosts of a kind that before has are good for cfg.
func isSameWay(before, cfg *config.Config, kind config.Kind) bool {
	return reflect.DeepEqual(before.UpstreamOf(kind), cfg.UpstreamOf(kind)) &&
		before.Fingerprint("upstream.ca_file") == cfg.Fingerprint("upstream.ca_file") &&
		before.Fingerprint(kind.Section()+".ca_file") == cfg.Fingerprint(kind.Section()+".ca_file")
}

// urls returns where accounts of each kind are.
func (s *setup) urls() (all []string) {
	for _, kind := range s.cfg.Kinds() {
		all = append(all, s.cfg.UpstreamOf(kind).URL)
	}
	return all
}

// connections returns how many connections there are to all hosts.
func (h hostsByKind) connections() (active, idle int) {
	for _, hosts := range h {
		a, i := hosts.Connections()
		active, idle = active+a, idle+i
	}
	return active, idle
}

// states returns how all hosts are, WeChat's first.
func (h hostsByKind) states() (all []upstream.HostState) {
	for _, kind := range []config.Kind{config.WeChat, config.WeCom} {
		if hosts := h[kind]; hosts != nil {
			all = append(all, hosts.States()...)
		}
	}
	return all
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
func rootsWith(cfg *config.Config, caFile string) (*x509.CertPool, error) {
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
