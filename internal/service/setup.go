package service

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"math"
	"net/http"
	"reflect"
	"sync/atomic"

	"wxproxy/admin"
	"wxproxy/config"
	"wxproxy/internal/platforms"
	"wxproxy/proxy"
	"wxproxy/proxy/upstream"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

// A setup is all that belongs to one configuration. A reload replaces it by another
// one, which takes over the parts that have not changed.
type setup struct {
	cfg     *config.Config
	force   atomic.Pointer[force]
	keepers map[string]*token.Keeper  // by the account's name
	tickets map[string]*token.Tickets // likewise

	platforms []*platforms.Running // as the configuration has them
	hosts     *upstream.Hosts
	tls       *tls.Config // nil: callers speak plain HTTP
	proxy     *proxy.Proxy
	admin     http.Handler
}

// A force is what of a configuration is in force. An AppSecret is read again from its file
// without a reload, so that this may become another one.
type force struct {
	cfg  *config.Config
	hash string // of cfg, as far as it does not wait for the next start
}

// hash returns a hash of what is in force.
func (s *setup) hash() string { return s.force.Load().hash }

// newSetup builds the setup of a valid configuration, but for its proxy, to take
// the place of before if that is not nil. It starts nothing.
func (s *Service) newSetup(cfg *config.Config, before *setup) (*setup, error) {
	next := &setup{cfg: cfg, keepers: map[string]*token.Keeper{}, tickets: map[string]*token.Tickets{}}
	next.force.Store(&force{cfg, cfg.Hash(cmp.Or(s.atStart, cfg))})
	var err error
	if next.tls, err = callersTLS(cfg); err != nil {
		return nil, err
	}
	s.easeLocalTLS(next.tls)
	if before != nil && (before.tls == nil) != (next.tls == nil) {
		next.tls = before.tls // HTTPS comes or goes at the next start
	}
	const roots = "upstream.ca_file"
	if before != nil && reflect.DeepEqual(before.cfg.Upstream, cfg.Upstream) && before.cfg.Fingerprint(roots) == cfg.Fingerprint(roots) {
		next.hosts = before.hosts
	} else if next.hosts, err = newHosts(cfg, s.files.upstream, s.log); err != nil {
		return nil, err
	}
	s.addAccounts(next, before)
	return next, s.addPlatforms(next)
}

// addAccounts gives each account of next a keeper of its token and one of its
// tickets: those of before as long as nothing that they depend on has changed, or
// new ones that take over the account's token.
func (s *Service) addAccounts(next, before *setup) {
	asker, issuer := tokenHTTP(next.cfg.Upstream, next.hosts), wechat.NewIssuer()
	same, tokens := before.keptBy(next)
	for _, account := range next.cfg.Accounts {
		if known, ok := same[account.Name]; ok && account.KeepsAs(known) {
			next.keepers[account.Name], next.tickets[account.Name] = before.keepers[account.Name], before.tickets[account.Name]
			continue
		}
		client := tokenClient(next.cfg.Upstream, account, s.secrets.reading(account.AppID, account.Source), asker)
		keeper := token.NewKeeper(s.keeperOptions(next, account, client, issuer))
		if old := tokens[account.AppID]; old != nil {
			keeper.Inherit(old)
		}
		next.keepers[account.Name], next.tickets[account.Name] = keeper, token.NewTickets(client.Ticket, keeper)
	}
}

// handsOutTokens reports whether callers get the real tokens, to keep them.
func (s *setup) handsOutTokens() bool {
	return s.cfg.Proxy.TokenEndpoint == string(proxy.TokenReal)
}

// keptBy returns the accounts of s, which may be nil, by name as far as next can
// keep them as they are, and all keepers of s by app_id.
func (s *setup) keptBy(next *setup) (same map[string]config.Account, tokens map[string]*token.Keeper) {
	if s == nil {
		return nil, nil
	}
	same, tokens = map[string]config.Account{}, map[string]*token.Keeper{}
	keeps := s.hosts == next.hosts && s.cfg.Token.RefreshBefore == next.cfg.Token.RefreshBefore &&
		s.handsOutTokens() == next.handsOutTokens()
	for _, account := range s.cfg.Accounts {
		tokens[account.AppID] = s.keepers[account.Name]
		if keeps {
			same[account.Name] = account
		}
	}
	return same, tokens
}

// isReady reports whether one account can be called, or all of them. An account can
// if it has a token, or if nobody has called it for a day. A platform, and those that have
// authorized it, have theirs when they are called: it has to be known only who these are.
func (s *setup) isReady(all bool) bool {
	for _, p := range s.platforms {
		if !p.Loaded() {
			return false
		}
	}
	if !all && len(s.platforms) > 0 {
		return true
	}
	for _, keeper := range s.keepers {
		if ready := !admin.IsGone(keeper.Status()); ready != all {
			return ready
		}
	}
	return all
}

// Try builds, as newSetup does, the parts that show only then whether they can be
// built, so that check refuses the configurations that serve would refuse.
func Try(cfg *config.Config) error {
	if _, err := callersTLS(cfg); err != nil {
		return err
	}
	if _, err := newHosts(cfg, math.MaxInt, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	return tryPushes(cfg)
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

// PlatformClients returns, for each platform of cfg, what asks WeChat for it, as the
// service does, without a token.
func PlatformClients(cfg *config.Config) ([]*wechat.Component, error) {
	hosts, err := newHosts(cfg, math.MaxInt, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	asker, clients := tokenHTTP(cfg.Upstream, hosts), make([]*wechat.Component, 0, len(cfg.Platforms))
	for _, p := range cfg.Platforms {
		clients = append(clients, &wechat.Component{HTTP: asker, URL: cfg.Upstream.URL, AppID: p.AppID, Secret: p.Source.Read})
	}
	return clients, nil
}
