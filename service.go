package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/config"
	"wxproxy/proxy"
	"wxproxy/token"
)

// A service is a proxy with everything that it needs.
type service struct {
	cfg        *config.Config
	log        *slog.Logger
	keepers    map[string]*token.Keeper  // by the account's name
	tickets    map[string]*token.Tickets // likewise
	redis      *token.RedisStore         // nil: tokens are not shared
	hosts      *proxy.Hosts
	background *token.Queue // of what the keepers do while no caller waits
	counts     *proxy.Counts
	proxy      *proxy.Proxy
	server     *fasthttp.Server
	listener   *proxy.Listener
	tls        *tls.Config // nil: callers speak plain HTTP

	admin         *http.Server // nil: turned off
	adminListener net.Listener
}

// serve answers requests until ctx ends, and drains then.
func serve(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	s, err := newService(cfg, log)
	if err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return err
	}
	return s.run(ctx)
}

// startTime is when those who waited for the start have seen it. What only that
// needed is given back to the system: with ten thousand accounts it is more than
// they need from then on.
const startTime = 10 * time.Second

// run serves on the open listeners until ctx ends. The keepers outlive ctx:
// requests being drained may still need a token.
func (s *service) run(ctx context.Context) error {
	s.hosts.Start()
	defer s.hosts.Close()
	if s.redis != nil {
		s.redis.Start()
		defer s.redis.Close()
	}
	for _, keeper := range s.keepers {
		keeper.Start()
	}
	s.background.Add(debug.FreeOSMemory) // behind all first fetches
	defer time.AfterFunc(startTime, debug.FreeOSMemory).Stop()
	defer s.stopKeepers()
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

	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serving: %w", err), s.drain())
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
	s.log.Info("serving", "version", version(), "listen", s.listener.Addr().String(),
		"admin", adminAddress, "upstream", s.cfg.Upstream.URL, "accounts", len(s.cfg.Accounts))
}

// drain answers the requests that are under way or on their way, for at most
// drain_timeout.
func (s *service) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Proxy.DrainTimeout)
	defer cancel()
	start := time.Now()
	if err := proxy.Shutdown(ctx, s.proxy, s.server, s.listener); err != nil {
		return fmt.Errorf("draining for %v: %w; the requests still under way are cut", s.cfg.Proxy.DrainTimeout, err)
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

// stopKeepers stops all keepers and waits until each has.
func (s *service) stopKeepers() {
	var stopping sync.WaitGroup
	for name, keeper := range s.keepers {
		stopping.Go(func() {
			s.tickets[name].Stop()
			keeper.Stop()
		})
	}
	stopping.Wait()
}

// listen opens the listeners, so that an address in use is known before
// anything else starts.
func (s *service) listen() error {
	ln, err := listenOn(s.cfg.Proxy.Listen)
	if err != nil {
		return fmt.Errorf("proxy.listen = %q: %w", s.cfg.Proxy.Listen, err)
	}
	if s.listener, err = proxy.NewListener(ln); err != nil {
		return err
	}
	s.listener.TLS = s.tls
	if s.admin == nil {
		return nil
	}
	if s.adminListener, err = listenOn(s.cfg.Admin.Listen); err != nil {
		ln.Close()
		return fmt.Errorf("admin.listen = %q: %w", s.cfg.Admin.Listen, err)
	}
	return nil
}
