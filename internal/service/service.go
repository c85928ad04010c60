// Package service is a running proxy: what a configuration makes of the other
// packages, from its start over reloads to its end.
package service

import (
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/admin"
	"wxproxy/config"
	"wxproxy/internal/limits"
	"wxproxy/proxy"
	"wxproxy/token"
)

// A Service is a proxy with everything that it needs. What a reload replaces is
// in its setup.
type Service struct {
	version    string
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

// A Process is what a service knows of the process that it runs in.
type Process struct {
	Version string
	Log     io.Writer // takes the log
}

// New builds a service for a valid configuration. It starts nothing. What
// only shows now, such as a directory that cannot be made, is a mistake in the
// configuration all the same.
func New(cfg *config.Config, in Process) (*Service, error) {
	s := &Service{
		version: in.Version, started: time.Now(), settled: cfg, files: share(limits.OpenFiles(), cfg), background: token.NewQueue(backgroundFlights), counts: proxy.NewCounts(),
		reloading: make(chan struct{}, 1), drained: make(chan struct{}), ending: make(chan struct{}),
	}
	s.log, s.level = newLog(cfg.Log, in.Log, &s.secrets)
	s.secrets.learn(cfg)
	s.dropped = s.reportDrops(in.Log)
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
func (s *Service) use(next *setup) {
	if s.admin != nil {
		next.admin = s.newAdmin(next)
	}
	s.now.Store(next)
}

// Log returns the service's log.
func (s *Service) Log() *slog.Logger { return s.log }

// ConfigFile returns the file of the first configuration; empty: there is none.
func (s *Service) ConfigFile() string { return s.settled.File }
