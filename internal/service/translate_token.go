package service

import (
	"log/slog"
	"net/http"
	"slices"

	"wxproxy/config"
	"wxproxy/internal/secret"
	"wxproxy/proxy/upstream"
	"wxproxy/token"
	"wxproxy/token/history"
	"wxproxy/token/store"
	"wxproxy/token/store/tally"
	"wxproxy/token/wechat"
	"wxproxy/token/wecom"
)

// openStore opens the store that token.store names.
func openStore(cfg *config.Config, log *slog.Logger, counted *tally.Tally) (token.Store, error) {
	store, err := store.Open(storeConfig(cfg, log, counted))
	if err != nil {
		return nil, Mistake(cfg, "token.store", err)
	}
	return store, nil
}

func storeConfig(cfg *config.Config, log *slog.Logger, counted *tally.Tally) store.Config {
	return store.Config{
		Spec: cfg.Token.Store, KeyPrefix: cfg.Token.KeyPrefix, Key: cfg.Token.EncryptionKey, OldKey: cfg.Token.EncryptionKeyOld, Log: log, Tally: counted,
	}
}

// prepareStore returns the function that has the open store use the secrets of cfg. Of
// another store, which is opened at the next start, it takes none.
func (s *Service) prepareStore(cfg *config.Config) (take func(), err error) {
	if slices.Contains(s.atStart.AtNextStart(cfg), "token.store") {
		return func() {}, nil
	}
	take, err = store.Prepare(s.store, storeConfig(cfg, s.log, s.tally))
	if err != nil {
		return nil, Mistake(cfg, "token.store", err)
	}
	return take, nil
}

// backgroundFlights is how many accounts ask WeChat at a time for a token that no
// caller waits for.
const backgroundFlights = 32

// An asker is what all clients of a kind ask with, and what their keepers know.
type asker struct {
	http   *http.Client
	url    string
	issuer *token.Issuer
}

// askers returns that of each kind that there are accounts of.
func (s *setup) askers() map[config.Kind]asker {
	all := map[config.Kind]asker{}
	for kind, hosts := range s.hosts {
		way := s.cfg.UpstreamOf(kind)
		all[kind] = asker{tokenHTTP(way, hosts), way.URL, wechat.NewIssuer()}
	}
	if a, has := all[config.WeCom]; has {
		a.issuer = wecom.NewIssuer()
		all[config.WeCom] = a
	}
	return all
}

// keeperOptions tells the keeper of an account of the setup, in its own words, what the
// configuration says, and returns what asks for the account's tickets.
func (s *Service) keeperOptions(of *setup, account config.Account, a asker) (token.Options, token.FetchTicket) {
	o := token.Options{
		Name:          account.Name,
		AppID:         account.Key(),
		Issuer:        a.issuer,
		Store:         s.store,
		Queue:         s.background,
		RefreshBefore: of.cfg.Token.RefreshBefore,
		Lent:          of.handsOutTokens(),
		Report:        func(r token.Report) { s.history.Add(account.Key(), r) },
		Log:           s.log,
	}
	if s.redis != nil {
		o.Shared = s.redis
	}
	read := s.secrets.reading(account.Key(), account.Source)
	if account.Kind == config.WeCom {
		client := wecomClient(account, read, a)
		client.Guard = s.guard
		o.Fetch, o.Probe, o.SecretChanged = client.Fetch, client.Probe, client.SecretChanged
		return o, client.Ticket
	}
	client := wechatClient(account, read, a)
	o.Kind = client.API.Kind()
	o.Fetch, o.Force, o.Probe, o.SecretChanged = client.Fetch, client.Force, client.Probe, client.SecretChanged
	return o, client.Ticket
}

// wechatClient returns the client that asks for the account's tokens. The
// AppSecret is read for every fetch, so that one that was changed in its file
// is found.
func wechatClient(account config.Account, read func() (secret.Secret, error), a asker) *wechat.Client {
	return &wechat.Client{HTTP: a.http, URL: a.url, AppID: account.AppID, Secret: read, API: wechat.API(account.TokenAPI)}
}

// wecomClient does so for an application of WeCom's. Nobody guards it.
func wecomClient(account config.Account, read func() (secret.Secret, error), a asker) *wecom.Client {
	return &wecom.Client{HTTP: a.http, URL: a.url, CorpID: account.CorpID, Key: token.Key{AppID: account.Key()}, Secret: read}
}

// newGuard returns what keeps the accounts from showing wrong secrets to WeCom. What it
// knows is stored where tokens are.
func newGuard(kept token.Store, log *slog.Logger) *wecom.Guard {
	lasting, _ := kept.(token.PlatformStore)
	return wecom.NewGuard(lasting, log)
}

// newHistory returns what keeps what came of fetches, in a store that can; nil: there is none.
func newHistory(kept token.Store, log *slog.Logger) *history.Recorder {
	if kept, can := kept.(history.Store); can {
		return history.New(kept, log)
	}
	return nil
}

// tokenHTTP returns the HTTP client of the token API. It has connections of its
// own, so that requests which wait for a token cannot keep it from coming, and
// uses each for one question, so that none is closed when it is needed.
func tokenHTTP(upstream config.Upstream, hosts *upstream.Hosts) *http.Client {
	return &http.Client{Timeout: upstream.FetchTime(), Transport: failover{hosts}}
}
