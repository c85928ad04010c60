package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/config"
	"wxproxy/proxy"
	"wxproxy/token"
)

// A service is a proxy with everything that it needs. What a reload replaces is
// in its setup.
type service struct {
	log        *slog.Logger
	level      *slog.LevelVar
	load       func() (*config.Config, error) // reads the configuration again; nil: it cannot be
	started    time.Time
	settled    *config.Config // what the listeners, the store and the log were made of
	store      token.Store
	redis      *token.RedisStore // the store, if tokens are shared
	background *token.Queue      // of what the keepers do while no caller waits
	counts     *proxy.Counts
	secrets    knownSecrets

	server        *proxy.Server
	listener      *proxy.Listener
	admin         *http.Server // nil: turned off
	adminListener net.Listener

	now       atomic.Pointer[setup]
	reloading sync.Mutex     // held while a setup takes another one's place, and before the first one runs
	retiring  sync.WaitGroup // of setups that were replaced
}

// newService builds a service for a valid configuration. It starts nothing. What
// only shows now, such as a directory that cannot be made, is a mistake in the
// configuration all the same.
func newService(cfg *config.Config, t terminal) (*service, error) {
	s := &service{started: time.Now(), settled: cfg, background: token.NewQueue(backgroundFlights), counts: proxy.NewCounts()}
	s.log, s.level = newLog(cfg.Log, t)
	for _, warning := range cfg.Warnings {
		s.log.Warn("configuration", "warning", warning)
	}
	s.reloading.Lock() // until run
	var err error
	if s.store, err = openStore(cfg, s.log); err != nil {
		return nil, err
	}
	s.redis, _ = s.store.(*token.RedisStore)
	first, err := s.newSetup(cfg, nil)
	if err != nil {
		return nil, err
	}
	first.proxy = proxy.New(s.proxyConfig(first))
	limits := proxy.Limits{
		MaxBody:        cfg.Proxy.MaxBody,
		MaxConnections: cfg.Proxy.MaxConnections,
		IdleTimeout:    cfg.Proxy.IdleTimeout,
		PlainIO:        cfg.Proxy.PlainIO,
	}
	s.server = proxy.NewServer(first.proxy, limits, s.log)
	if cfg.Admin.Listen != "" {
		s.admin = s.newAdminServer()
	}
	s.now.Store(first) // listen has it used
	return s, nil
}

// use has next answer from now on. The listeners are open.
func (s *service) use(next *setup) {
	if s.admin != nil {
		next.admin = s.newAdmin(next)
	}
	s.now.Store(next)
}

// startTime is when those who waited for the start have seen it. What only that
// needed is given back to the system: with ten thousand accounts it is more than
// they need from then on.
const startTime = 10 * time.Second

// run serves on the open listeners until ctx ends. The keepers outlive ctx:
// requests being drained may still need a token.
func (s *service) run(ctx context.Context) error {
	if s.redis != nil {
		s.redis.Start()
		defer s.redis.Close()
	}
	s.now.Load().start(nil)
	s.reloading.Unlock()
	defer func() {
		s.retiring.Wait()
		s.now.Load().stop(nil)
	}()
	s.background.Add(debug.FreeOSMemory) // behind all first fetches
	defer time.AfterFunc(startTime, debug.FreeOSMemory).Stop()
	defer s.countMinutes()()

	failed := make(chan error, 2) // one from each server
	var serving sync.WaitGroup
	defer serving.Wait()
	serving.Go(func() { failed <- s.server.Serve(s.listener) })
	if s.admin != nil {
		serving.Go(func() { failed <- s.admin.Serve(s.adminListener) })
		defer s.admin.Close()
	}
	s.announce()
	defer s.watchdog()()

	select {
	case err := <-failed:
		_ = s.drain() // which logs what it has to cut
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		return s.drain()
	}
}

// announce logs where the service is: with the ports it got, if any was to do.
func (s *service) announce() {
	adminAddress := ""
	if s.admin != nil {
		adminAddress = s.adminListener.Addr().String()
	}
	cfg := s.now.Load().cfg
	s.log.Info("serving", "version", version(), "listen", s.listener.Addr().String(),
		"admin", adminAddress, "upstream", cfg.Upstream.URL, "accounts", len(cfg.Accounts))
	s.tellManager(managerReady)
}

// drain answers the requests that are under way or on their way, for at most
// drain_timeout.
func (s *service) drain() error {
	s.reloading.Lock() // for good: nothing is loaded any more
	s.tellManager(managerStopping)
	patience := s.now.Load().cfg.Proxy.DrainTimeout
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	start := time.Now()
	if err := proxy.Shutdown(ctx, s.now.Load().proxy, s.server, s.listener); err != nil {
		s.log.Error("drain_timeout is over; the requests still under way are cut", "drain_timeout", patience.String())
		return loggedError{err}
	}
	s.log.Info("drained", "duration", time.Since(start).Round(time.Millisecond).String())
	return nil
}

// countMinutes has the counts know when a minute ends, until what it returns is
// called.
func (s *service) countMinutes() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var counting sync.WaitGroup
	counting.Go(func() { s.counts.Run(ctx) })
	return func() {
		cancel()
		counting.Wait()
	}
}

// callersTLS returns how callers are spoken to now, for a TLS handshake: a
// certificate that was renewed is used after a reload.
func (s *service) callersTLS(*tls.ClientHelloInfo) (*tls.Config, error) {
	return s.now.Load().tls, nil
}
