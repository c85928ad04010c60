// Package service is a running proxy: what a configuration makes of the other
// packages, from its start over reloads to its end.
package service

import (
	"cmp"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/admin"
	"wxproxy/config"
	"wxproxy/internal/audit"
	"wxproxy/internal/background"
	"wxproxy/internal/limits"
	"wxproxy/internal/platforms"
	"wxproxy/internal/tracing"
	"wxproxy/proxy"
	"wxproxy/proxy/front"
	"wxproxy/proxy/traffic"
	"wxproxy/token"
	"wxproxy/token/history"
	"wxproxy/token/store/redis"
	"wxproxy/token/store/tally"
	"wxproxy/token/wecom"
)

// A Service is a proxy with everything that it needs. A reload replaces its setup and
// nothing else.
type Service struct {
	process    Process
	log        *slog.Logger
	audit      *audit.Log    // takes what is done, whether or not the log is to have it
	dropped    func() uint64 // counts lines of the log
	level      *slog.LevelVar
	load       func() (*config.Config, error) // reads the configuration; nil: a reload has nothing to read
	started    time.Time
	atStart    *config.Config // the listeners, the store and the log were made of it
	files      openFiles
	store      token.Store
	tally      *tally.Tally // of what the store is asked
	redis      *redis.Store // the store, if tokens are shared
	pushes     *pushes      // nil: turned off
	platforms  platforms.All
	background *background.Queue // work of the keepers that no caller waits for
	guard      *wecom.Guard      // of secrets that WeCom refuses
	history    *history.Recorder // of what came of fetches; nil: the store keeps none
	counts     *traffic.Counts
	secrets    knownSecrets
	tracer     *tracing.Tracer // nil: no spans are made

	server    *front.Server
	callers   []*front.Listener
	admin     *admin.Server // nil: turned off
	operators []net.Listener

	now       atomic.Pointer[setup]
	loaded    loaded
	reloading chan struct{}  // of capacity 1: full during a reload, and until the service runs
	replaced  chan struct{}  // of capacity 1: another setup has taken the place of one
	uses      uses           // counts the setups that need a part
	retiring  sync.WaitGroup // counts setups whose end is under way
	drained   chan struct{}  // closed when the last request is answered, or cut

	mu     sync.Mutex    // held while a setup takes the place of another one
	ending chan struct{} // closed under mu: no further setup takes a place
}

// A Process is what a service knows of the process that it runs in.
type Process struct {
	Version string
	Commit  string    // of Git, that it was built from
	Log     io.Writer // takes the log
}

// New builds a service for a valid configuration, and starts nothing. A fault that
// only shows now, such as a directory that cannot be made, is a mistake in the
// configuration all the same.
func New(cfg *config.Config, in Process) (*Service, error) {
	s := &Service{
		process: in, started: time.Now(), atStart: cfg, files: shareFiles(limits.OpenFiles(), cfg), background: background.NewQueue(backgroundFlights), counts: traffic.NewCounts(), tally: tally.New(),
		reloading: make(chan struct{}, 1), replaced: make(chan struct{}, 1), drained: make(chan struct{}), ending: make(chan struct{}),
	}
	s.log, s.level = newLog(cfg.Log, in.Log, &s.secrets)
	s.audit = audit.New(s.log)
	s.secrets.addAll(cfg)
	s.dropped = s.reportDrops(in.Log)
	s.tracer = newTracer(in.Version, &s.secrets, s.log)
	for _, warning := range cfg.Warnings() {
		s.log.Warn("configuration", "warning", warning)
	}
	s.reloading <- struct{}{} // until Run
	var err error
	if s.store, err = openStore(cfg, s.log, s.tally); err != nil {
		return nil, err
	}
	s.redis, _ = s.store.(*redis.Store)
	s.guard, s.history = newGuard(s.store, s.log), newHistory(s.store, s.log)
	first, err := s.newSetup(cfg, nil)
	if err != nil {
		return nil, err
	}
	if cfg.Push.Listen != "" {
		if s.pushes, err = s.newPushes(first); err != nil {
			return nil, err
		}
	}
	first.proxy = proxy.New(s.proxyConfig(first))
	limits := frontLimits(cfg, s.files)
	s.warnOfFewFiles(limits)
	s.server = front.NewServer(first.proxy.Handler(), limits, s.log)
	if cfg.Admin.Listen != "" {
		s.admin = s.newAdminServer()
	}
	s.now.Store(first) // Listen has it used
	s.loaded.note(nil)
	return s, nil
}

// use has next answer from now on. The listeners are open by then.
func (s *Service) use(next *setup) {
	if s.admin != nil {
		next.admin = s.newAdmin(next)
	}
	s.now.Store(next)
	select {
	case s.replaced <- struct{}{}:
	default:
	}
}

// Log returns the service's log.
func (s *Service) Log() *slog.Logger { return s.log }

// ConfigFile returns the file of the first configuration; empty: there is none.
func (s *Service) ConfigFile() string { return s.atStart.File }

// A MistakeError is something that the user wrote wrong.
type MistakeError struct{ Err error }

// Error implements error.
func (e MistakeError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e MistakeError) Unwrap() error { return e.Err }

// Mistake returns err as a mistake in a setting, in the form of config's own.
func Mistake(cfg *config.Config, key string, err error) error {
	return MistakeError{config.Problem{Where: cmp.Or(cfg.File, "environment"), Key: key, Text: err}}
}

// A LoggedError is one that the log has already.
type LoggedError struct{ Err error }

// Error implements error.
func (e LoggedError) Error() string { return e.Err.Error() }

// Unwrap returns what the log has.
func (e LoggedError) Unwrap() error { return e.Err }
