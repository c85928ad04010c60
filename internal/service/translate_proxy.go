package service

import (
	"crypto/sha256"

	"wxproxy/accountkind"
	"wxproxy/config"
	"wxproxy/internal/limits"
	"wxproxy/proxy"
)

// proxyConfig tells the proxy, in its own words, what the configuration says.
func (s *Service) proxyConfig(of *setup) proxy.Config {
	c := proxy.Config{
		Accounts:      make([]proxy.Account, 0, len(of.cfg.Accounts)),
		TokenEndpoint: tokenEndpoint(of.cfg.Proxy.TokenEndpoint),
		Deployment:    s.atStart.Token.KeyPrefix,
		HostNames:     of.cfg.Proxy.Hosts,
		Ready:         of.isReady,
		TokenWait:     of.cfg.Upstream.TokenWait(),
		CallersTLS:    of.tls,
		Log:           s.log,
		Audit:         s.auditFor(of),
		Trusted:       trusted(of.cfg),
		MemoryLimit:   limits.Memory(),
		LogAccess:     of.cfg.Log.Access,
		AccessLog:     s.accessLog(),
		LogSkips:      1 - of.cfg.Log.Sample,
		Counts:        s.counts,
		Clients:       proxyClients(of.cfg.Clients),
		IsSecret:      s.isSecret(of),
	}
	if s.tracer != nil {
		c.Tracer = s.tracer
	}
	kinds := map[config.Kind]*proxy.Kind{}
	for _, kind := range of.cfg.Kinds() {
		kinds[kind] = proxyKind(of, kind)
	}
	for _, account := range of.cfg.Accounts {
		a := s.proxyAccount(of, account)
		a.Kind = kinds[account.Kind]
		c.Accounts = append(c.Accounts, a)
	}
	if account, found := of.cfg.DefaultAccount(); found {
		c.Default = account.Name
	}
	c.Platforms = s.proxyPlatforms(of, kinds[config.WeChat])
	return c
}

// tokenEndpoint returns what the proxy calls a token_endpoint, of which config lets only
// these words through.
func tokenEndpoint(word string) proxy.TokenEndpoint {
	switch endpoint := proxy.TokenEndpoint(word); endpoint {
	case proxy.TokenVirtual, proxy.TokenReal, proxy.TokenDeny:
		return endpoint
	}
	panic("BUG: the proxy knows no such token_endpoint: " + word)
}

// proxyKind tells the proxy what all accounts of a kind have in common.
func proxyKind(of *setup, kind config.Kind) *proxy.Kind {
	table, hosts := kind.Table(), of.hosts[kind]
	k := &proxy.Kind{
		Table:         table,
		Upstream:      hosts,
		Hosts:         append(hosts.Names(), table.Hosts...),
		TokenErrcodes: table.TokenErrcodes,
	}
	if kind == config.WeChat {
		k.TokenErrcodes = of.cfg.Token.RetryErrcodes
	}
	for _, account := range of.cfg.Accounts {
		if account.Kind == kind && account.Default {
			k.Default = account.Name
		}
	}
	for _, route := range of.cfg.Routes {
		if route.Kind != kind {
			continue
		}
		k.Routes = append(k.Routes, accountkind.Route{Pattern: route.Path, Credential: accountkind.Credential(route.Credential)})
	}
	return k
}

// proxyAccount tells the proxy of an account.
func (s *Service) proxyAccount(of *setup, account config.Account) proxy.Account {
	keeper, tickets := of.keepers[account.Name], of.tickets[account.Name]
	secret := newAccountSecret(s.secrets.reading(account.Key(), account.Source))
	return proxy.Account{
		Name:   account.Name,
		AppID:  account.ID(),
		Key:    account.Key(),
		Agent:  proxy.Agent{ID: account.AgentID, IsText: account.AgentIsText},
		Tokens: keeper,
		Secret: secret.reveal,
		Lend:   keeper.Lend,
		Ticket: tickets.Ticket,
		Known:  s.credentials(keeper, account.Key()),

		LendTicket:     tickets.Lend,
		Accepted:       keeper.Accepted,
		IsHonoured:     keeper.IsHonoured,
		IsDead:         keeper.IsDead,
		SecretAccepted: keeper.SecretAccepted,
		SecretRefused: func(errcode int, errmsg string) {
			secret.refused(errcode)
			keeper.SecretRefused(errcode, errmsg)
		},
	}
}

func proxyClients(configured []config.Client) (clients []proxy.Client) {
	for _, client := range configured {
		var hash, old [sha256.Size]byte // zero for a client with a certificate only
		copy(hash[:], client.KeySHA256.Reveal())
		copy(old[:], client.OldSHA256.Reveal())
		clients = append(clients, proxy.Client{
			Name:      client.Name,
			KeySHA256: hash,
			OldSHA256: old,
			Accounts:  client.Accounts,
			Allow:     client.Allow,
			Deny:      client.Deny,

			MaxInFlight: client.MaxInFlight,
			Interval:    client.Interval,

			PlatformAdmin: client.PlatformAdmin,
		})
	}
	return clients
}
