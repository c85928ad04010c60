package service

import (
	"log/slog"
	"net/http"
	"slices"

	"wxproxy/config"
	"wxproxy/internal/secret"
	"wxproxy/proxy/upstream"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/store/tally"
	"wxproxy/token/wechat"
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

// keeperOptions tells the keeper of an account of the setup, in its own words, what the
// configuration says.
func (s *Service) keeperOptions(of *setup, account config.Account, client *wechat.Client, issuer *token.Issuer) token.Options {
	o := token.Options{
		Name:          account.Name,
		AppID:         account.AppID,
		Issuer:        issuer,
		Kind:          client.API.Kind(),
		Fetch:         client.Fetch,
		Force:         client.Force,
		Probe:         client.Probe,
		SecretChanged: client.SecretChanged,
		Store:         s.store,
		Queue:         s.background,
		RefreshBefore: of.cfg.Token.RefreshBefore,
		Lent:          of.handsOutTokens(),
		Log:           s.log,
	}
	if s.redis != nil {
		o.Shared = s.redis
	}
	return o
}

// tokenClient returns the client that asks for the account's tokens. The
// AppSecret is read for every fetch, so that one that was changed in its file
// is found.
func tokenClient(upstream config.Upstream, account config.Account, read func() (secret.Secret, error), asker *http.Client) *wechat.Client {
	return &wechat.Client{
		HTTP:   asker,
		URL:    upstream.URL,
		AppID:  account.AppID,
		Secret: read,
		API:    wechat.API(account.TokenAPI),
	}
}

// tokenHTTP returns the HTTP client of the token API. It has connections of its
// own, so that requests which wait for a token cannot keep it from coming, and
// uses each for one question, so that none is closed when it is needed.
func tokenHTTP(upstream config.Upstream, hosts *upstream.Hosts) *http.Client {
	return &http.Client{Timeout: upstream.FetchTime(), Transport: failover{hosts}}
}
