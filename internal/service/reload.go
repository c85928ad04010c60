package service

import (
	"errors"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"wxproxy/config"
	"wxproxy/internal/systemd"
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
func (s *Service) reload() (late []string, err error) {
	select {
	case s.reloading <- struct{}{}:
	case <-s.ending:
		return nil, errEnding
	}
	defer func() { <-s.reloading }()
	s.tell(systemd.Reloading)
	defer s.tell(systemd.Ready)
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

func (s *Service) replace() (late []string, err error) {
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
	if err := s.succeed(next, before); err != nil {
		return nil, err
	}
	return s.settled.SettledAtStart(cfg), nil
}

// succeed has next take the place of before, unless the process is about to end.
func (s *Service) succeed(next, before *setup) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ending:
		return errEnding
	default:
	}
	s.start(next, before)
	s.level.Set(next.cfg.Log.Level)
	next.proxy = before.proxy.Reload(s.proxyConfig(next))
	s.use(next)
	s.retiring.Go(func() { s.retire(before) })
	return nil
}

// endReloads has no setup take the place of another one any more. A reload under
// way is not waited for.
func (s *Service) endReloads() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.ending)
}

// reloadWhen reads the configuration again for each SIGHUP until the process is
// about to end. Those that come meanwhile count as one.
func (s *Service) reloadWhen(told <-chan os.Signal) {
	for {
		select {
		case <-told:
			_, _ = s.reload() // which logs what comes of it
		case <-s.ending:
			return
		}
	}
}

// staysGuarded reports a configuration that lets everyone in through a listener
// that is open, and stays so until the next start.
func (s *Service) staysGuarded(cfg *config.Config) error {
	for _, l := range s.callers {
		if err := mustBeGuarded(cfg, "proxy.listen", l.Addr()); err != nil {
			return err
		}
	}
	for _, l := range s.operators {
		if err := mustBeGuarded(cfg, "admin.listen", l.Addr()); err != nil {
			return err
		}
	}
	return nil
}

// retire stops what only old needs, when no request is left that it answers or none
// is waited for.
func (s *Service) retire(old *setup) {
	look := time.NewTimer(retirement)
	defer look.Stop()
	for waiting := true; waiting; {
		select {
		case <-look.C:
			look.Reset(retirement / 10)
			waiting = !old.proxy.Gone()
		case <-s.drained:
			waiting = false
		}
	}
	s.release(old)
	s.background.Add(debug.FreeOSMemory) // with ten thousand accounts it was as much as all others need
}
