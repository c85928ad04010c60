package main

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"

	"wxproxy/config"
	"wxproxy/proxy"
	"wxproxy/token"
)

// newService builds a service for a valid configuration. It starts nothing. What
// only shows now, such as a directory that cannot be made, is a mistake in the
// configuration all the same.
func newService(cfg *config.Config, log *slog.Logger) (*service, error) {
	roots, err := rootsWith(cfg.Upstream.CAFile)
	if err != nil {
		return nil, mistake(cfg, "upstream.ca_file", err)
	}
	store, err := openStore(cfg, log)
	if err != nil {
		return nil, err
	}
	s := &service{
		cfg: cfg, log: log, background: token.NewQueue(backgroundFlights), counts: proxy.NewCounts(),
		keepers: map[string]*token.Keeper{}, tickets: map[string]*token.Tickets{},
	}
	if s.hosts, err = newHosts(cfg.Upstream, roots, log); err != nil {
		return nil, err
	}
	if s.tls, err = callersTLS(cfg); err != nil {
		return nil, err
	}
	s.addAccounts(store)
	s.proxy = proxy.New(s.proxyConfig())
	limits := proxy.Limits{
		MaxBody:        cfg.Proxy.MaxBody,
		MaxConnections: cfg.Proxy.MaxConnections,
		IdleTimeout:    cfg.Proxy.IdleTimeout,
	}
	s.server = proxy.NewServer(s.proxy, limits, log)
	if cfg.Admin.Listen != "" {
		s.admin = s.newAdmin()
	}
	return s, nil
}

// mistake returns err as a mistake in a setting, in the form of config's own.
func mistake(cfg *config.Config, key string, err error) error {
	return mistakeError{config.Problem{Where: cmp.Or(cfg.File, "environment"), Key: key, Text: err.Error()}}
}

// rootsWith returns the system's roots and those in caFile; nil, which is the
// system's alone, without one.
func rootsWith(caFile string) (*x509.CertPool, error) {
	if caFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(caFile)
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

func newHosts(upstream config.Upstream, roots *x509.CertPool, log *slog.Logger) (*proxy.Hosts, error) {
	return proxy.NewHosts(proxy.HostsConfig{
		URLs:           append([]string{upstream.URL}, upstream.FallbackURLs...),
		Roots:          roots,
		ConnectTimeout: upstream.ConnectTimeout,
		Timeout:        upstream.Timeout,
		IdleTimeout:    upstream.IdleTimeout,
		MaxConnections: upstream.MaxConnections,
		Log:            log,
	})
}

// wechatHosts are the names by which programs with http_proxy set know WeChat,
// wherever it is.
var wechatHosts = []string{"api.weixin.qq.com", "api.weixin.qq.com:80", "api.weixin.qq.com:443"}

// proxyConfig tells the proxy, in its own words, what the configuration says.
func (s *service) proxyConfig() proxy.Config {
	c := proxy.Config{
		Accounts:      make([]proxy.Account, 0, len(s.cfg.Accounts)),
		RetryErrcodes: s.cfg.Token.RetryErrcodes,
		TokenEndpoint: proxy.TokenEndpoint(s.cfg.Proxy.TokenEndpoint),
		OwnHosts:      append(s.hosts.Names(), wechatHosts...),
		TokenWait:     s.cfg.Upstream.Timeout,
		Upstream:      s.hosts,
		Log:           s.log,
		LogAccess:     s.cfg.Log.Access,
		Counts:        s.counts,
		Clients:       proxyClients(s.cfg.Clients),
	}
	for _, account := range s.cfg.Accounts {
		c.Accounts = append(c.Accounts, proxy.Account{
			Name:   account.Name,
			AppID:  account.AppID,
			Tokens: s.keepers[account.Name],
			Secret: revealing(account.Source),
			Lend:   s.keepers[account.Name].Lend,
			Ticket: s.tickets[account.Name].Ticket,
		})
		if account.Default {
			c.Default = account.Name
		}
	}
	for _, route := range s.cfg.Routes {
		c.Routes = append(c.Routes, proxy.Route{Pattern: route.Path, Credential: proxy.Credential(route.Credential)})
	}
	return c
}

func proxyClients(configured []config.Client) (clients []proxy.Client) {
	for _, client := range configured {
		var hash [sha256.Size]byte // zero for a client with a certificate only
		copy(hash[:], client.KeySHA256.Reveal())
		clients = append(clients, proxy.Client{
			Name:      client.Name,
			KeySHA256: hash,
			Accounts:  client.Accounts,
			Allow:     client.Allow,
			Deny:      client.Deny,

			MaxInFlight: client.MaxInFlight,
			Interval:    client.Interval,
		})
	}
	return clients
}

// revealing returns a function that reads an AppSecret for a request to WeChat.
func revealing(source config.SecretSource) func() (string, error) {
	return func() (string, error) {
		secret, err := source.Read()
		return secret.Reveal(), err
	}
}
