package service

import (
	"net/http"
	"slices"
	"time"

	"wxproxy/admin/metrics"
	"wxproxy/config"
)

// newMetrics returns the handler of Prometheus' requests about a setup.
func (s *Service) newMetrics(of *setup) http.Handler {
	sources := metrics.Sources{
		Counts:      s.counts,
		InFlight:    of.proxy.InFlight,
		Connections: of.hosts.connections,
		Hosts:       of.hosts.states,
		Accounts:    of.meteredAccounts,
		Clients:     of.clientNames(),
		LinesLost:   s.dropped,
		Store:       s.meteredStore,
		Build:       metrics.Build{Version: s.process.Version, Commit: s.process.Commit},
		ConfigHash:  of.hash,
		Loaded: func() metrics.Loaded {
			last := s.loaded.last()
			return metrics.Loaded{At: last.At, Successful: last.Successful}
		},

		Certificates: of.certificateEnds(),
		Pushes:       s.pushes.metered(of.cfg),
		Platforms:    of.meteredPlatforms(),
	}
	if slices.Contains(of.cfg.Kinds(), config.WeCom) {
		sources.WrongSecrets = func() int {
			n, _ := s.guard.Wrong()
			return n
		}
	}
	return metrics.NewHandler(sources, s.log)
}

func (s *setup) certificateEnds() map[string]time.Time {
	ends := map[string]time.Time{}
	for _, c := range s.cfg.Certificates {
		ends[c.Setting] = c.Expires
	}
	return ends
}

func (s *setup) clientNames() []string {
	names := make([]string, 0, len(s.cfg.Clients))
	for _, client := range s.cfg.Clients {
		names = append(names, client.Name)
	}
	return names
}

func (s *setup) meteredAccounts() []metrics.Account {
	accounts := make([]metrics.Account, 0, len(s.cfg.Accounts))
	for _, account := range s.cfg.Accounts {
		keeper := s.keepers[account.Name]
		accounts = append(accounts, metrics.Account{
			Name: account.Name, Status: keeper.Status, Fetches: keeper.Fetches, Denials: keeper.Denials,
			Pauses: account.Kind == config.WeCom, Refusals: account.Kind.Table().ReportedErrcodes,
		})
	}
	return accounts
}

func (s *setup) meteredPlatforms() (all []metrics.Platform) {
	for i, r := range s.platforms {
		all = append(all, metrics.NewPlatform(s.cfg.Platforms[i].Name, r.Platform))
	}
	return all
}

func (s *Service) meteredStore() metrics.Store {
	return metrics.Store{Up: s.storeCondition().Up, Counts: s.tally.Counts()}
}
