package service

import (
	"log/slog"
	"math"

	"wxproxy/config"
	"wxproxy/token"
)

// Try builds what only shows then whether it can be built, as newSetup does: a
// configuration that serve would refuse is refused by check.
func Try(cfg *config.Config) error {
	if _, err := callersTLS(cfg); err != nil {
		return err
	}
	_, err := newHosts(cfg, math.MaxInt, slog.New(slog.DiscardHandler))
	return err
}

// TokenClients returns what asks WeChat for the token of each account of cfg, as the
// service does.
func TokenClients(cfg *config.Config) ([]*token.Client, error) {
	hosts, err := newHosts(cfg, math.MaxInt, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	asker, clients := tokenHTTP(cfg.Upstream, hosts), make([]*token.Client, 0, len(cfg.Accounts))
	for _, account := range cfg.Accounts {
		clients = append(clients, tokenClient(cfg.Upstream, account, account.Source.Read, asker))
	}
	return clients, nil
}
