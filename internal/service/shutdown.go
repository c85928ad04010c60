package service

import (
	"context"
	"fmt"
	"time"

	"wxproxy/internal/systemd"
	"wxproxy/proxy/front"
)

// await waits until ctx ends or a listener fails, and returns why it failed. The
// process is about to end then: it is not ready any more, and nothing is reloaded.
func (s *Service) await(ctx context.Context, failed <-chan error) error {
	var failure error
	select {
	case failure = <-failed:
	case <-ctx.Done():
	}
	s.endReloads()
	s.now.Load().proxy.Leave()
	s.retiring.Go(func() { s.tell(systemd.Stopping) })
	signal := context.Cause(ctx)
	if delay := s.now.Load().cfg.Proxy.ShutdownDelay; failure == nil && delay > 0 {
		s.log.Info("about to end; requests are taken for shutdown_delay, a second signal ends at once",
			"signal", signal.Error(), "shutdown_delay", delay.String())
		failure = awaitShutdownDelay(delay, failed)
	}
	if failure != nil {
		return fmt.Errorf("serving: %w", failure)
	}
	s.log.Info("draining; a second signal ends at once", "signal", signal.Error())
	return nil
}

// awaitShutdownDelay waits for shutdown_delay, in which load balancers notice that the process
// is not ready and send their requests elsewhere. It ends early with the error of a
// listener that fails.
func awaitShutdownDelay(delay time.Duration, failed <-chan error) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case err := <-failed:
		return err
	case <-timer.C:
		return nil
	}
}

// drain answers the requests that have come or are about to come, until end at the
// latest.
func (s *Service) drain(end time.Time) error {
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	start := time.Now()
	s.drainPushes(end)
	if err := s.now.Load().proxy.Drain(ctx, s.callers...); err != nil {
		s.log.Error("drain_timeout is over; the requests still under way are cut",
			"drain_timeout", s.now.Load().cfg.Proxy.DrainTimeout.String(), "requests", front.UnderWay(s.callers...))
		front.Cut(s.callers...)
		return LoggedError{err}
	}
	s.log.Info("drained", "duration", time.Since(start).Round(time.Millisecond).String())
	return nil
}

// end ends all that is left, and waits for that until the deadline, lest a store or
// a disk that hangs keeps the process. The servers have stopped when stop returns.
func (s *Service) end(deadline time.Time, stop func()) {
	close(s.drained)
	if s.tracer != nil {
		s.retiring.Go(s.tracer.Close)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if s.admin != nil {
			s.admin.Close()
		}
		s.retiring.Go(func() { s.release(s.now.Load()) })
		s.retiring.Wait()
		s.history.Stop()
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
	s.FlushLines()
}

// FlushLines has the log say what its lines counted since the last one, as the process is
// about to end.
func (s *Service) FlushLines() {
	s.audit.Flush()
	s.now.Load().proxy.FlushLines()
	s.server.FlushLines()
	if s.admin != nil {
		s.admin.FlushLines()
	}
}
