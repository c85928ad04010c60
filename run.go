package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

const (
	// startTime is when those who waited for the start have seen it. What only that
	// needed is given back to the system: with ten thousand accounts it is more than
	// they need from then on.
	startTime = 10 * time.Second

	// lastWork is how long after drain_timeout the process ends, whatever hangs.
	lastWork = time.Second
)

// run serves on the open listeners until it is told to end, and ends then within
// drain_timeout and lastWork. The keepers outlive the listeners: requests being
// drained may still need a token.
func (s *service) run(told *signals) error {
	told.log.Store(s.log)
	if s.redis != nil {
		s.redis.Start()
	}
	s.start(s.now.Load(), nil)
	<-s.reloading
	s.background.Add(debug.FreeOSMemory) // behind all first fetches
	defer time.AfterFunc(startTime, debug.FreeOSMemory).Stop()
	failed := make(chan error, len(s.callers)+len(s.operators))
	var serving sync.WaitGroup
	for _, l := range s.callers {
		serving.Go(func() { failed <- safely(func() error { return s.server.Serve(l) }) })
	}
	for _, l := range s.operators {
		serving.Go(func() { failed <- safely(func() error { return s.admin.Serve(l) }) })
	}
	s.announce()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	serving.Go(func() { s.counts.Run(ctx) })
	serving.Go(func() { s.watchdog(ctx) })
	go s.reloadWhen(told) // whose last reload may hang

	var failure error
	select {
	case err := <-failed:
		failure = fmt.Errorf("serving: %w", err)
	case <-told.ctx.Done():
		s.log.Info("draining; a second signal ends at once", "signal", told.ending())
	}
	end := time.Now().Add(s.now.Load().cfg.Proxy.DrainTimeout)
	s.endReloads()
	err := s.drain(end)
	s.end(end.Add(lastWork), func() {
		stop()
		serving.Wait()
	})
	return cmp.Or(failure, err)
}

// safely calls serve. After a panic, of which nothing is said, the requests under
// way on other connections are still answered.
func safely(serve func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("panic at\n%s", debug.Stack())
		}
	}()
	return serve()
}

// announce logs where the service is: with the ports it got, if any was to do.
func (s *service) announce() {
	cfg := s.now.Load().cfg
	s.log.Info("serving", "version", version(), "listen", addresses(s.callers),
		"admin", addresses(s.operators), "upstream", cfg.Upstream.URL, "accounts", len(cfg.Accounts))
	s.tellManager(managerReady)
}

// addresses returns where listeners listen.
func addresses[L net.Listener](listeners []L) string {
	var all []string
	for _, l := range listeners {
		all = append(all, l.Addr().String())
	}
	return strings.Join(all, ", ")
}

// drain answers the requests that are under way or on their way, until end at the
// latest.
func (s *service) drain(end time.Time) error {
	s.retiring.Go(func() { s.tellManager(managerStopping) })
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	start := time.Now()
	if err := s.now.Load().proxy.Drain(ctx, s.callers...); err != nil {
		s.log.Error("drain_timeout is over; the requests still under way are cut",
			"drain_timeout", s.now.Load().cfg.Proxy.DrainTimeout.String())
		return loggedError{err}
	}
	s.log.Info("drained", "duration", time.Since(start).Round(time.Millisecond).String())
	return nil
}

// end ends all that is left, and waits for that until the deadline: a store or a
// disk that hangs keeps no process. The servers have stopped when stop returns.
func (s *service) end(deadline time.Time, stop func()) {
	close(s.drained)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if s.admin != nil {
			s.admin.Close()
		}
		s.retiring.Go(func() { s.release(s.now.Load()) })
		s.retiring.Wait()
		if s.redis != nil {
			s.redis.Close()
		}
		stop()
	}()
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		s.log.Warn("drain_timeout is over; what still hangs is left")
	}
}
