package main

import (
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/admin"
	"wxproxy/config"
	"wxproxy/proxy"
	"wxproxy/token"
)

// A service is a proxy with everything that it needs. What a reload replaces is
// in its setup.
type service struct {
	log        *slog.Logger
	dropped    func() uint64 // lines of the log
	level      *slog.LevelVar
	load       func() (*config.Config, error) // reads the configuration again; nil: it cannot be
	started    time.Time
	settled    *config.Config // what the listeners, the store and the log were made of
	files      openFiles
	store      token.Store
	redis      *token.RedisStore // the store, if tokens are shared
	background *token.Queue      // of what the keepers do while no caller waits
	counts     *proxy.Counts
	secrets    knownSecrets

	server    *proxy.Server
	callers   []*proxy.Listener
	admin     *admin.Server // nil: turned off
	operators []net.Listener

	now       atomic.Pointer[setup]
	reloading chan struct{}  // of capacity 1: full while the configuration is read again, and before the service runs
	uses      uses           // of what setups have in common
	retiring  sync.WaitGroup // of setups that were replaced, and of the last one
	drained   chan struct{}  // closed when no request is waited for any more

	mu     sync.Mutex    // held while a setup takes another one's place
	ending chan struct{} // closed under mu: none does any more
}

// newService builds a service for a valid configuration. It starts nothing. What
// only shows now, such as a directory that cannot be made, is a mistake in the
// configuration all the same.
func newService(cfg *config.Config, t terminal) (*service, error) {
	s := &service{
		started: time.Now(), settled: cfg, files: share(maxOpenFiles(), cfg), background: token.NewQueue(backgroundFlights), counts: proxy.NewCounts(),
		reloading: make(chan struct{}, 1), drained: make(chan struct{}), ending: make(chan struct{}),
	}
	s.log, s.level = newLog(cfg.Log, t, &s.secrets)
	s.secrets.learn(cfg)
	s.dropped = s.reportDrops(t)
	for _, warning := range cfg.Warnings {
		s.log.Warn("configuration", "warning", warning)
	}
	s.reloading <- struct{}{} // until run
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
		Descriptors:    s.files.callers,
	}
	s.warnOfFewFiles(limits)
	s.server = proxy.NewServer(first.proxy.Handler(), limits, s.log)
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

// reportDrops has the log say how many of its lines nobody took, and returns what
// counts them.
func (s *service) reportDrops(t terminal) func() uint64 {
	queue, ok := t.err.(*logQueue)
	if !ok {
		return func() uint64 { return 0 }
	}
	queue.tellDrops(func(lines uint64) {
		s.log.Error("standard error was not read fast enough: lines of the log were dropped", "lines", lines)
	})
	return queue.lost
}
