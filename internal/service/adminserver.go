package service

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"wxproxy/admin"
	"wxproxy/config"
	"wxproxy/internal/origin"
	"wxproxy/proxy/traffic"
	"wxproxy/token"
	"wxproxy/token/history"
	"wxproxy/token/store"
	"wxproxy/token/store/tally"
	"wxproxy/token/wechat"
	"wxproxy/token/wecom"
)

// newAdminServer returns the server of the admin listener, which answers for the
// present setup.
func (s *Service) newAdminServer() *admin.Server {
	server := admin.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.now.Load().admin.ServeHTTP(w, r) }), s.log)
	server.Knows = func(r *http.Request) bool {
		cfg := &s.now.Load().cfg.Admin
		return admin.ShowsKey(r, cfg.Key, cfg.KeyOld, cfg.ReadKey)
	}
	server.Trusted = func() origin.Trusted { return trusted(s.now.Load().cfg) }
	server.HoldTo(s.files.operators)
	return server
}

// newAdmin returns the handler of operators' requests about a setup that has its
// proxy.
func (s *Service) newAdmin(of *setup) http.Handler {
	a := &admin.Admin{
		Version:  s.process.Version,
		Started:  s.started,
		Store:    s.storeState,
		Accounts: s.adminAccounts(of),
		Hosts:    of.hostStates,
		InFlight: of.proxy.InFlight,
		Draining: of.proxy.Draining,
		Counted:  s.counts.Snapshot,
		Hour:     s.counts.Hour,
		Metrics:  s.newMetrics(of),
		APIs:     s.counts.APIs,
		Quote:    s.quoter(of),
		Pushes:   s.pushes.forOperators(),
		Reload:   s.reload,
		Loaded:   s.loaded.last,
		Key:      of.cfg.Admin.Key,
		KeyOld:   of.cfg.Admin.KeyOld,
		ReadKey:  of.cfg.Admin.ReadKey,
		Log:      s.log,
		Audit:    s.auditFor(of),
		Trusted:  trusted(of.cfg),
		WrongKey: s.admin.WrongKey,
		Public:   slices.ContainsFunc(s.operators, func(ln net.Listener) bool { return isPublic(ln.Addr()) }),
		Socket:   !slices.ContainsFunc(s.operators, func(ln net.Listener) bool { return ln.Addr().Network() != "unix" }),
	}
	for i, r := range of.platforms {
		p := of.cfg.Platforms[i]
		a.Platforms = append(a.Platforms, admin.NewPlatform(p.Name, p.AppID, r.Platform, s.counts.AccountHour))
	}
	if slices.Contains(of.cfg.Kinds(), config.WeCom) {
		a.WrongSecrets = s.guard.Wrong
	}
	a.ConfigHash, a.Clients = of.hash, adminClients(of.cfg.Clients)
	return a.Handler()
}

func adminClients(configured []config.Client) (clients []admin.Client) {
	for _, client := range configured {
		clients = append(clients, admin.Client{Name: client.Name, Accounts: client.Accounts, MaxInFlight: client.MaxInFlight, Interval: client.Interval})
	}
	return clients
}

func (s *Service) adminAccounts(of *setup) []admin.Account {
	accounts := make([]admin.Account, 0, len(of.cfg.Accounts))
	for _, account := range of.cfg.Accounts {
		keeper, tickets := of.keepers[account.Name], of.tickets[account.Name]
		one := admin.Account{
			Name: account.Name, Kind: account.Kind.String(), AppID: account.ID(), Status: s.statusOf(keeper, account), Refresh: refreshing(keeper, tickets), Replace: keeper.ReplaceByForce,
			Lend: keeper.Lend, Hour: func() []traffic.Minute { return s.counts.AccountHour(account.Name) }, Tickets: tickets.Status,
			History: func() ([]history.Event, error) { return s.history.Of(account.Key()) },
		}
		if account.Kind == config.WeChat {
			one.Keeper = func() (*token.Keeper, error) { return keeper, nil }
		} else {
			one.CorpID, one.AgentID, one.Replace = account.CorpID, account.AgentID, nil
			one.Refusals = func() []admin.Refusal { return s.refusalsOf(account.Name) }
		}
		accounts = append(accounts, one)
	}
	return accounts
}

// refusalsOf returns what WeCom has answered to calls for an account, and what to do.
func (s *Service) refusalsOf(account string) (all []admin.Refusal) {
	for _, r := range s.counts.Refusals(account) {
		one := admin.Refusal{Count: r.Count, LastAt: r.LastAt}
		if r.IP.IsValid() {
			one.IP = r.IP.String()
		}
		one.Explanation = wecom.ExplainCall(r.Errcode, one.IP)
		all = append(all, one)
	}
	return all
}

// quoter returns what asks WeChat about a call.
func (s *Service) quoter(of *setup) func(context.Context, admin.Account, string) (admin.Quoted, token.Explanation) {
	asker := of.askers()[config.WeChat]
	return func(ctx context.Context, account admin.Account, rid string) (admin.Quoted, token.Explanation) {
		keeper, err := account.Keeper()
		if err != nil {
			return admin.Quoted{}, wechat.Explain(err)
		}
		q := wechat.Quoter{HTTP: asker.http, URL: asker.url, Tokens: keeper, Known: s.credentials(keeper, account.AppID)}
		told, err := q.Quote(ctx, rid)
		if err != nil {
			return admin.Quoted{}, wechat.ExplainQuote(err)
		}
		return admin.Quoted{At: admin.UTC(told.At), Cost: told.Cost.Milliseconds(), URL: told.URL, Body: told.Body, Answer: told.Answer, ClientIP: told.ClientIP}, token.Explanation{}
	}
}

// statusOf returns the function that tells how the account's token is. An AppSecret that
// was not there when the configuration was read is a problem before a token is wanted.
func (s *Service) statusOf(keeper *token.Keeper, account config.Account) func() token.Status {
	if !account.Secret.Empty() {
		return keeper.Status
	}
	read := s.secrets.reading(account.Key(), account.Source)
	return func() token.Status {
		status := keeper.Status()
		if status.LastError != nil {
			return status
		}
		if _, err := read(); err != nil {
			status.LastError = wechat.Unread(err)
		}
		return status
	}
}

// refreshing returns the function that refreshes an account's token, and has WeChat
// asked again for the tickets that it refused.
func refreshing(keeper *token.Keeper, tickets *token.Tickets) func(string, time.Duration) (bool, error) {
	return func(failed string, wait time.Duration) (asked bool, err error) {
		if failed == "" {
			defer tickets.Retry()
		}
		return keeper.Refresh(failed, wait)
	}
}

func (s *setup) hostStates() []admin.Host {
	var hosts []admin.Host
	for _, state := range s.hosts.states() {
		host := admin.Host{URL: state.URL, State: "up", Since: state.Since.UTC().Truncate(time.Second), Reason: state.Reason, Proxy: state.Proxy}
		if state.Down {
			host.State = "down"
		}
		hosts = append(hosts, host)
	}
	return hosts
}

// storeCondition returns how the store is.
func (s *Service) storeCondition() tally.Condition {
	if files, ok := s.store.(*store.File); ok {
		return files.Condition()
	}
	return s.tally.Condition()
}

// storeState returns how the store is, for operators.
func (s *Service) storeState() admin.Store {
	address, now := s.atStart.Token.StoreAddress(), s.storeCondition()
	kind, _, _ := strings.Cut(address, ":")
	state := admin.Store{
		Kind: strings.Replace(kind, "rediss", "redis", 1), Address: address, Up: now.Up, Since: admin.UTC(now.Since), Remedy: now.Remedy, NewerRecords: now.Newer,
	}
	if now.Err != nil {
		text := now.Err.Error()
		state.LastError = &text
	}
	return state
}
