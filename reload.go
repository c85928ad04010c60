package main

import (
	"errors"
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
	if err := s.staysGuarded(cfg); err != nil {
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
	return s.settled.SettledAtStart(cfg), nil
}

// staysGuarded reports a configuration that lets everyone in through a listener
// that is open, and stays so until the next start.
func (s *service) staysGuarded(cfg *config.Config) error {
	if err := mustBeGuarded(cfg, "proxy.listen", s.listener.Addr()); err != nil || s.admin == nil {
		return err
	}
	return mustBeGuarded(cfg, "admin.listen", s.adminListener.Addr())
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
