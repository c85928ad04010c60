package service

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"wxproxy/config"
	"wxproxy/internal/systemd"
)

const (
	// startTime is how long the memory that only the start needed is kept: by then the
	// programs that waited for it have seen it. With ten thousand accounts it is more
	// than they need from then on.
	startTime = 10 * time.Second

	// lastWork is how long after drain_timeout the process ends, whatever hangs.
	lastWork = time.Second
)

// startPatience is how long the configuration and the store may take to be read.
// Most files have a limit of their own, which is shorter.
const startPatience = time.Minute

// Start builds a service of the configuration that load returns, and opens its
// listeners. It returns nil without an error if ctx ends before. Reading may hang on
// a disk, and an address on DNS: Start waits for startPatience at most.
func Start(ctx context.Context, load func() (*config.Config, error), in Process) (*Service, error) {
	var s *Service
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		var cfg *config.Config
		if cfg, err = load(); err != nil {
			err = MistakeError{err}
			return
		}
		if s, err = New(cfg, in); err == nil {
			s.load = load
			err = s.Listen()
		}
	}()
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	select {
	case <-done:
		if err != nil {
			return nil, err
		}
		return s, nil
	case <-patience.C:
		return nil, fmt.Errorf("starting: the configuration, the folder of the store or the names of addresses could not be read within %v; "+
			"are they on a disk that hangs, or does DNS not answer?", startPatience)
	case <-ctx.Done():
		return nil, nil
	}
}

// Run serves on the open listeners until ctx ends, whose cause names the signal, and
// ends then within shutdown_delay, drain_timeout and lastWork. It reads the configuration again for
// each signal of reload. The keepers outlive the listeners: requests being
// drained may still need a token.
func (s *Service) Run(ctx context.Context, reload <-chan os.Signal) error {
	if s.redis != nil {
		s.redis.Start()
	}
	if s.tracer != nil {
		s.tracer.Start()
	}
	s.start(s.now.Load(), nil)
	<-s.reloading
	s.background.Add(debug.FreeOSMemory) // behind all first fetches
	defer time.AfterFunc(startTime, debug.FreeOSMemory).Stop()
	failed := make(chan error, len(s.callers)+len(s.operators)+s.pushes.count())
	var serving sync.WaitGroup
	s.pushes.start(failed)
	for _, l := range s.callers {
		serving.Go(func() { failed <- safely(func() error { return s.server.Serve(l) }) })
	}
	for _, l := range s.operators {
		serving.Go(func() { failed <- safely(func() error { return s.admin.Serve(l) }) })
	}
	s.announce()
	still, stop := context.WithCancel(context.Background())
	defer stop()
	serving.Go(func() { s.counts.Run(still) })
	serving.Go(func() { systemd.Watch(still, s.tell) })
	go s.reloadWhen(reload) // not waited for: its last reload may hang
	go s.watchFiles()       // likewise
	serving.Go(func() { s.remindOfCertificates(still) })

	failure := s.await(ctx, failed)
	end := time.Now().Add(s.now.Load().cfg.Proxy.DrainTimeout)
	err := s.drain(end)
	s.end(end.Add(lastWork), func() {
		stop()
		serving.Wait()
	})
	return cmp.Or(failure, err)
}

// safely calls serve and returns a panic as an error, without its value, which may
// hold a secret. So the requests under way on other connections are still answered.
func safely(serve func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("panic at\n%s", debug.Stack())
		}
	}()
	return serve()
}

// announce logs where the service listens, with the port that the system chose if the
// setting left it open.
func (s *Service) announce() {
	cfg := s.now.Load().cfg
	attributes := []any{"version", s.process.Version, "listen", addresses(s.callers), "admin", addresses(s.operators)}
	if s.pushes != nil {
		attributes = append(attributes, "push", addresses(s.pushes.listeners))
	}
	s.log.Info("serving", append(attributes, "upstream", strings.Join(s.now.Load().urls(), ", "), "accounts", len(cfg.Accounts), "config_hash", s.now.Load().hash())...)
	s.tell(systemd.Ready)
}

// tell tells the service manager how the process is.
func (s *Service) tell(state string) {
	if err := systemd.Tell(state); err != nil {
		s.log.Warn("the service manager cannot be told how wxproxy is", "err", err)
	}
}

// addresses returns the addresses of listeners.
func addresses[L net.Listener](listeners []L) string {
	var all []string
	for _, l := range listeners {
		all = append(all, l.Addr().String())
	}
	return strings.Join(all, ", ")
}
