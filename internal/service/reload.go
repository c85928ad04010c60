package service

import (
	"errors"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"wxproxy/admin"
	"wxproxy/config"
	"wxproxy/internal/systemd"
)

// retirement is how long a replaced setup is kept at least, for a request that was
// about to begin.
const retirement = time.Second

// errNothingToLoad and errEnding are reasons for no reload.
var (
	errNothingToLoad = errors.New("there is no configuration to read again")
	errEnding        = errors.New("wxproxy is about to end")
)

// reload reads the configuration again. A good one takes effect without a
// connection, a request or a token being lost; a bad one changes nothing. It returns
// what has changed.
func (s *Service) reload() (admin.Changes, error) {
	select {
	case s.reloading <- struct{}{}:
	case <-s.ending:
		return admin.Changes{}, errEnding
	}
	defer func() { <-s.reloading }()
	s.tell(systemd.Reloading)
	defer s.tell(systemd.Ready)
	began := time.Now()
	before := s.now.Load().force.Load().cfg
	err := s.rebuild()
	s.loaded.note(err)
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			s.log.Error("configuration not reloaded; the one before goes on", "mistake", strings.TrimSpace(line))
		}
		return admin.Changes{}, err
	}
	return s.reportReload(before, began), nil
}

// rebuild reads the configuration and has a setup of it take the place of the present
// one.
func (s *Service) rebuild() error {
	if s.load == nil {
		return errNothingToLoad
	}
	cfg, err := s.load()
	if err != nil {
		return err
	}
	if err := s.checkGuarded(cfg); err != nil {
		return err
	}
	before := s.now.Load()
	next, err := s.newSetup(cfg, before)
	if err != nil {
		return err
	}
	if err := s.prepareAndReplace(next, before); err != nil {
		s.platforms.DropAll(next.platforms)
		return err
	}
	return nil
}

// prepareAndReplace has next take the place of before, once the store and the pushes can be
// as it says.
func (s *Service) prepareAndReplace(next, before *setup) error {
	takeSecrets, err := s.prepareStore(next.cfg)
	if err != nil {
		return err
	}
	takeInbox, err := s.preparePushes(next)
	if err != nil {
		return err
	}
	return s.replace(next, before, func() {
		takeSecrets()
		takeInbox()
	})
}

// replace has next take the place of before, unless the process is about to end, and the
// store take the secrets of next.
func (s *Service) replace(next, before *setup, take func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ending:
		return errEnding
	default:
	}
	take()
	s.start(next, before)
	s.level.Set(next.cfg.Log.Level)
	next.proxy = before.proxy.Reload(s.proxyConfig(next))
	s.use(next)
	s.retryPlatforms(before)
	s.retiring.Go(func() { s.retire(before) })
	return nil
}

// endReloads keeps the present setup until the end. It does not wait for a reload
// under way.
func (s *Service) endReloads() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.ending)
}

// reloadWhen reads the configuration again for each signal until the process is about
// to end. Signals that come during a reload count as one.
func (s *Service) reloadWhen(signals <-chan os.Signal) {
	for {
		select {
		case <-signals:
			_, err := s.reload() // it logs its outcome
			s.noteReload("signal", err)
		case <-s.ending:
			s.refuseReloads(signals)
			return
		}
	}
}

// refuseReloads says of each signal that nothing is reloaded any more, until the last
// request is answered.
func (s *Service) refuseReloads(signals <-chan os.Signal) {
	for {
		select {
		case <-signals:
			s.log.Warn("nothing is reloaded any more: wxproxy is about to end")
		case <-s.drained:
			return
		}
	}
}

// checkGuarded reports a configuration that would let everyone in through a listener
// that is open: it stays open until the next start.
func (s *Service) checkGuarded(cfg *config.Config) error {
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

// retire stops what only old needs, once it answers no request any more or the
// process ends.
func (s *Service) retire(old *setup) {
	look := time.NewTimer(retirement)
	defer look.Stop()
	for waiting := true; waiting; {
		select {
		case <-look.C:
			look.Reset(retirement / 10)
			waiting = !old.proxy.HasFinished()
		case <-s.drained:
			waiting = false
		}
	}
	s.release(old)
	s.forget(old)
	s.background.Add(debug.FreeOSMemory) // with ten thousand accounts it was as much as all others need
}
