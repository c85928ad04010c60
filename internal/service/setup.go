package service

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"net/http"
	"sync/atomic"

	"wxproxy/admin"
	"wxproxy/config"
	"wxproxy/internal/platforms"
	"wxproxy/proxy"
	"wxproxy/token"
	"wxproxy/token/wechat"
	"wxproxy/token/wecom"
)

// A setup is all that belongs to one configuration. A reload replaces it by another
// one, which takes over the parts that have not changed.
type setup struct {
	cfg     *config.Config
	force   atomic.Pointer[force]
	keepers map[string]*token.Keeper  // by the account's name
	tickets map[string]*token.Tickets // likewise

	platforms []*platforms.Running // as the configuration has them
	hosts     hostsByKind
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
	next := &setup{cfg: cfg, hosts: hostsByKind{}, keepers: map[string]*token.Keeper{}, tickets: map[string]*token.Tickets{}}
	next.force.Store(&force{cfg, cfg.Hash(cmp.Or(s.atStart, cfg))})
	var err error
	if next.tls, err = callersTLS(cfg); err != nil {
		return nil, err
	}
	s.easeLocalTLS(next.tls)
	if before != nil && (before.tls == nil) != (next.tls == nil) {
		next.tls = before.tls // HTTPS comes or goes at the next start
	}
	if err := s.addHosts(next, before); err != nil {
		return nil, err
	}
	s.addAccounts(next, before)
	return next, s.addPlatforms(next)
}

// addHosts gives next the hosts of each kind that it has accounts of: those of before, or
// new ones.
func (s *Service) addHosts(next, before *setup) (err error) {
	for _, kind := range next.cfg.Kinds() {
		if before != nil && before.hosts[kind] != nil && isSameWay(before.cfg, next.cfg, kind) {
			next.hosts[kind] = before.hosts[kind]
		} else if next.hosts[kind], err = newHosts(next.cfg, kind, s.files.toHosts(next.cfg, kind), s.log); err != nil {
			return err
		}
	}
	return nil
}

// addAccounts gives each account of next a keeper of its token and one of its
// tickets: those of before as long as nothing that they depend on has changed, or
// new ones that take over the account's token.
func (s *Service) addAccounts(next, before *setup) {
	askers := next.askers()
	same, tokens := before.keptBy(next)
	for _, account := range next.cfg.Accounts {
		if known, ok := same[account.Name]; ok && account.KeepsAs(known) {
			next.keepers[account.Name], next.tickets[account.Name] = before.keepers[account.Name], before.tickets[account.Name]
			continue
		}
		options, ticket := s.keeperOptions(next, account, askers[account.Kind])
		keeper := token.NewKeeper(options)
		if old := tokens[account.Key()]; old != nil {
			keeper.Inherit(old)
		}
		next.keepers[account.Name], next.tickets[account.Name] = keeper, token.NewTickets(ticket, keeper)
	}
}

// handsOutTokens reports whether callers get the real tokens, to keep them.
func (s *setup) handsOutTokens() bool {
	return s.cfg.Proxy.TokenEndpoint == string(proxy.TokenReal)
}

// keptBy returns the accounts of s, which may be nil, by name as far as next can
// keep them as they are, and all keepers of s by what their accounts are stored by.
func (s *setup) keptBy(next *setup) (same map[string]config.Account, tokens map[string]*token.Keeper) {
	if s == nil {
		return nil, nil
	}
	same, tokens = map[string]config.Account{}, map[string]*token.Keeper{}
	keeps := s.cfg.Token.RefreshBefore == next.cfg.Token.RefreshBefore && s.handsOutTokens() == next.handsOutTokens()
	for _, account := range s.cfg.Accounts {
		tokens[account.Key()] = s.keepers[account.Name]
		if keeps && s.hosts[account.Kind] == next.hosts[account.Kind] {
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
	if _, err := allHosts(cfg); err != nil {
		return err
	}
	return tryPushes(cfg)
}

// Clients are what asks for a configuration's tokens, as the service does, once and
// whatever it asked before.
type Clients struct {
	WeChat    map[string]*wechat.Client // by the names of accounts
	WeCom     map[string]*wecom.Client  // likewise
	Platforms []*wechat.Component       // in the order of the configuration; without a token
}

// NewClients returns those of cfg.
func NewClients(cfg *config.Config) (Clients, error) {
	hosts, err := allHosts(cfg)
	if err != nil {
		return Clients{}, err
	}
	all, askers := Clients{WeChat: map[string]*wechat.Client{}, WeCom: map[string]*wecom.Client{}}, (&setup{cfg: cfg, hosts: hosts}).askers()
	guard := wecom.NewGuard(nil, slog.New(slog.DiscardHandler)) // two accounts may have one wrong secret
	for _, account := range cfg.Accounts {
		if account.Kind == config.WeCom {
			all.WeCom[account.Name] = wecomClient(account, account.Source.Read, askers[account.Kind])
			all.WeCom[account.Name].Guard = guard
		} else {
			all.WeChat[account.Name] = wechatClient(account, account.Source.Read, askers[account.Kind])
		}
	}
	for _, p := range cfg.Platforms {
		a := askers[config.WeChat]
		all.Platforms = append(all.Platforms, &wechat.Component{HTTP: a.http, URL: a.url, AppID: p.AppID, Secret: p.Source.Read})
	}
	return all, nil
}
