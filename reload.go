package main

import (
	"errors"
	"reflect"
	"strings"
	"time"

	"wxproxy/config"
)

// retirement is how long a replaced setup is kept at least: for a request that was
// about to begin.
const retirement = time.Second

// errNothingToLoad and errEnding are why there is no reload.
var (
	errNothingToLoad = errors.New("there is no configuration to read again")
	errEnding        = errors.New("wxproxy is about to end")
)

// reload reads the configuration again. A good one takes effect without a
// connection, a request or a token being lost; a bad one changes nothing. It
// returns the settings that have changed and take effect only at the next start.
func (s *service) reload() (late []string, err error) {
	if !s.reloading.TryLock() {
		if s.now.Load().proxy.Draining() {
			return nil, errEnding
		}
		s.reloading.Lock()
	}
	defer s.reloading.Unlock()
	s.tellManager(managerReloading)
	defer s.tellManager(managerReady)
	began := time.Now()
	late, err = s.replace()
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			s.log.Error("configuration not reloaded; the one before goes on", "mistake", strings.TrimSpace(line))
		}
		return nil, err
	}
	cfg := s.now.Load().cfg
	for _, warning := range cfg.Warnings {
		s.log.Warn("configuration", "warning", warning)
	}
	if len(late) > 0 {
		s.log.Warn("some settings take effect only at the next start", "settings", strings.Join(late, ", "))
	}
	s.log.Info("configuration reloaded", "accounts", len(cfg.Accounts), "clients", len(cfg.Clients),
		"duration", time.Since(began).Round(time.Millisecond).String())
	return late, nil
}

func (s *service) replace() (late []string, err error) {
	if s.load == nil {
		return nil, errNothingToLoad
	}
	cfg, err := s.load()
	if err != nil {
		return nil, err
	}
	before := s.now.Load()
	next, err := s.newSetup(cfg, before)
	if err != nil {
		return nil, err
	}
	next.start(before)
	s.level.Set(cfg.Log.Level)
	next.proxy = before.proxy.Succeed(s.proxyConfig(next))
	s.use(next)
	s.retiring.Go(func() { before.retire(next) })
	return settledAtStart(before.cfg, cfg), nil
}

// retire stops what s does not have in common with its successor when no request
// is left that it answers.
func (s *setup) retire(successor *setup) {
	time.Sleep(retirement)
	for s.proxy.InFlight() > 0 {
		time.Sleep(retirement / 10)
	}
	s.stop(successor)
}

// settledAtStart returns the settings, in the words of the file, that differ and
// that a running process cannot change.
func settledAtStart(before, after *config.Config) (keys []string) {
	for _, setting := range []struct {
		key string
		of  func(*config.Config) any
	}{
		{"proxy.listen", func(c *config.Config) any { return c.Proxy.Listen }},
		{"proxy.max_body", func(c *config.Config) any { return c.Proxy.MaxBody }},
		{"proxy.max_connections", func(c *config.Config) any { return c.Proxy.MaxConnections }},
		{"proxy.idle_timeout", func(c *config.Config) any { return c.Proxy.IdleTimeout }},
		{"proxy.plain_io", func(c *config.Config) any { return c.Proxy.PlainIO }},
		{"proxy.tls_cert", func(c *config.Config) any { return c.Proxy.TLSCert == "" }},
		{"admin.listen", func(c *config.Config) any { return c.Admin.Listen }},
		{"token.store", func(c *config.Config) any { return c.Token.Store.Reveal() }},
		{"token.key_prefix", func(c *config.Config) any { return c.Token.KeyPrefix }},
		{"token.encryption_key", func(c *config.Config) any { return c.Token.EncryptionKey.Reveal() }},
		{"log.format", func(c *config.Config) any { return c.Log.Format }},
	} {
		if !reflect.DeepEqual(setting.of(before), setting.of(after)) {
			keys = append(keys, setting.key)
		}
	}
	return keys
}
