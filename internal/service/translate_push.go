package service

import (
	"context"
	"path/filepath"
	"strings"

	"wxproxy/admin"
	"wxproxy/admin/metrics"
	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/internal/platforms"
	"wxproxy/push"
	"wxproxy/push/inbox"
	pushredis "wxproxy/push/redis"
	"wxproxy/token/store/seal"
)

// pushConfig says in the words of package push whose pushes are taken, and where they go.
// The events of cfg's platforms go to running, in their order; nil: to nobody.
func pushConfig(cfg *config.Config, running []*platforms.Running) (push.Config, error) {
	roots, err := rootsWith(cfg, cfg.Upstream.CAFile)
	if err != nil {
		return push.Config{}, Mistake(cfg, "upstream.ca_file", err)
	}
	to := push.Config{Roots: roots}
	for _, a := range cfg.Accounts {
		if a.PushToken.Empty() {
			continue
		}
		to.Accounts = append(to.Accounts, push.Account{
			Name: a.Name, ID: a.ID(), Token: a.PushToken, Key: a.PushAESKey, KeyOld: a.PushAESKeyOld, IsWeCom: a.Kind == config.WeCom,
		})
	}
	for i, p := range cfg.Platforms {
		of := push.Platform{Name: p.Name, AppID: p.AppID, Token: p.PushToken, Key: p.PushAESKey, KeyOld: p.PushAESKeyOld}
		if running != nil {
			of.Events = running[i].Events(p.PublishCheck)
		}
		to.Platforms = append(to.Platforms, of)
	}
	for _, f := range cfg.Forwards {
		to.Forwards = append(to.Forwards, push.Forward{
			Name: f.Name, Account: f.Account, Match: f.Match, URL: f.URL, Timeout: f.Timeout, Token: f.Token, AESKey: f.AESKey,
			Succeeds: f.OnFailure == "success", Async: f.Async, Copy: f.Copy,
		})
	}
	return to, nil
}

// tryPushes does what serve does with the settings of pushes, and nothing that lasts.
func tryPushes(cfg *config.Config) error {
	receiver := push.New(push.Options{})
	defer receiver.Close()
	return usePushes(cfg, nil, receiver)
}

// usePushes has receiver take the pushes of cfg, and send them where it says. What package
// push refuses is a mistake in the configuration, which looks for all of them itself.
func usePushes(cfg *config.Config, running []*platforms.Running, receiver *push.Receiver) error {
	to, err := pushConfig(cfg, running)
	if err != nil {
		return err
	}
	if err := receiver.Use(to); err != nil {
		return Mistake(cfg, "forward", language.Textf("cannot be used: %w", err))
	}
	return nil
}

// openInbox opens where pushes wait: with the tokens.
func (s *Service) openInbox(cfg *config.Config) (*inbox.Inbox, error) {
	sealer, err := inboxSealer(cfg)
	if err != nil {
		return nil, err
	}
	to := inbox.Config{Max: int64(cfg.InboxLimit()), Sealer: sealer, Log: s.log}
	if s.redis != nil {
		to.Store = pushredis.New(s.redis, to.Max, s.log)
	} else if dir, ok := strings.CutPrefix(cfg.Token.Store.Reveal(), "file:"); ok {
		to.Dir = filepath.Join(dir, "pushes")
	}
	box, err := inbox.Open(to)
	if err != nil {
		return nil, Mistake(cfg, "token.store", err)
	}
	return box, nil
}

// inboxSealer returns what encrypts waiting pushes; nil: they are not encrypted.
func inboxSealer(cfg *config.Config) (*seal.Sealer, error) {
	sealer, err := seal.New(cfg.Token.EncryptionKey, cfg.Token.EncryptionKeyOld)
	if err != nil {
		return nil, Mistake(cfg, "token.encryption_key", err)
	}
	return sealer, nil
}

// newReceiver returns what takes pushes, and gives those that wait to box.
func (s *Service) newReceiver(box *inbox.Inbox) *push.Receiver {
	o := push.Options{Inbox: box, Log: s.log}
	if s.redis != nil {
		o.Replicas = pushredis.NewRepeats(s.redis, s.log)
	}
	return push.New(o)
}

// forOperators returns what the admin listener tells of pushes; nil: none are taken.
func (p *pushes) forOperators() *admin.Pushes {
	if p == nil {
		return nil
	}
	return &admin.Pushes{Status: p.receiver.Status, Hour: p.receiver.Hour, Inbox: p.inboxState, Failed: p.inbox.Failed, Retry: p.inbox.Retry}
}

// metered returns what metrics tell of the pushes of cfg; nil: none are taken.
func (p *pushes) metered(cfg *config.Config) *metrics.Pushes {
	if p == nil {
		return nil
	}
	m := &metrics.Pushes{Snapshot: p.receiver.Snapshot, Inbox: p.inboxState}
	for _, a := range cfg.Accounts {
		if !a.PushToken.Empty() {
			m.Accounts = append(m.Accounts, a.Name)
		}
	}
	for _, a := range cfg.Platforms {
		m.Accounts = append(m.Accounts, a.Name, a.All())
	}
	return m
}

// inboxState returns how the inbox is, with the accounts of a platform taken together.
func (p *pushes) inboxState(ctx context.Context) (inbox.State, error) {
	state, err := p.inbox.State(ctx)
	return push.Grouped(state), err
}
