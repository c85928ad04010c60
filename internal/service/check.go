package service

import (
	"log/slog"
	"math"

	"wxproxy/config"
	"wxproxy/token/wechat"
)

// Try builds, as newSetup does, the parts that show only then whether they can be
// built, so that check refuses the configurations that serve would refuse.
func Try(cfg *config.Config) error {
	if _, err := callersTLS(cfg); err != nil {
		return err
	}
	_, err := newHosts(cfg, math.MaxInt, slog.New(slog.DiscardHandler))
	return err
}

// TokenClients returns, for each account of cfg, the client that asks WeChat for its
// token, as the service does.
func TokenClients(cfg *config.Config) ([]*wechat.Client, error) {
	hosts, err := newHosts(cfg, math.MaxInt, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	asker, clients := tokenHTTP(cfg.Upstream, hosts), make([]*wechat.Client, 0, len(cfg.Accounts))
	for _, account := range cfg.Accounts {
		clients = append(clients, tokenClient(cfg.Upstream, account, account.Source.Read, asker))
	}
	return clients, nil
}
