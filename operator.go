package main

import (
	"log/slog"
	"net/http"
	"time"

	"wxproxy/admin"
	"wxproxy/config"
	"wxproxy/metrics"
	"wxproxy/proxy"
)

// adminTimeout bounds a request to the admin listener.
const adminTimeout = 10 * time.Second

func (s *service) newAdmin() *http.Server {
	a := &admin.Admin{
		Version:  version(),
		Started:  time.Now(),
		Store:    s.cfg.Token.StoreAddress(),
		Accounts: make([]admin.Account, 0, len(s.cfg.Accounts)),
		Hosts:    s.hostStates,
		InFlight: s.proxy.InFlight,
		Draining: s.proxy.Draining,
		Counted:  s.counts.Snapshot,
		Hour:     s.counts.Hour,
		Metrics:  s.newMetrics(),
		Key:      s.cfg.Admin.Key,
		Public:   config.BeyondLoopback(s.cfg.Admin.Listen),
	}
	for _, account := range s.cfg.Accounts {
		keeper := s.keepers[account.Name]
		a.Accounts = append(a.Accounts, admin.Account{
			Name: account.Name, AppID: account.AppID, Status: keeper.Status, Refresh: keeper.Refresh, Lend: keeper.Lend,
			Hour: func() []proxy.Minute { return s.counts.AccountHour(account.Name) },
		})
	}
	for _, client := range s.cfg.Clients {
		a.Clients = append(a.Clients, admin.Client{
			Name: client.Name, Accounts: client.Accounts, MaxInFlight: client.MaxInFlight, Interval: client.Interval,
		})
	}
	return &http.Server{
		Handler:      a.Handler(),
		ReadTimeout:  adminTimeout,
		WriteTimeout: adminTimeout,
		ErrorLog:     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

func (s *service) newMetrics() http.Handler {
	return metrics.NewHandler(metrics.Sources{
		Counts:      s.counts,
		InFlight:    s.proxy.InFlight,
		Connections: s.hosts.Connections,
		Hosts:       s.hosts.States,
		Accounts:    s.meteredAccounts,
	}, s.log)
}

func (s *service) meteredAccounts() []metrics.Account {
	accounts := make([]metrics.Account, 0, len(s.cfg.Accounts))
	for _, account := range s.cfg.Accounts {
		keeper := s.keepers[account.Name]
		accounts = append(accounts, metrics.Account{Name: account.Name, Status: keeper.Status, Fetches: keeper.Fetches})
	}
	return accounts
}

func (s *service) hostStates() []admin.Host {
	var hosts []admin.Host
	for _, state := range s.hosts.States() {
		host := admin.Host{URL: state.URL, State: "up", Since: state.Since.UTC().Truncate(time.Second), Reason: state.Reason}
		if state.Down {
			host.State = "down"
		}
		hosts = append(hosts, host)
	}
	return hosts
}
