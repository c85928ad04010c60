package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"wxproxy/internal/logqueue"
	"wxproxy/internal/service"
)

// oneSignal is how long signals count as one: some programs send theirs to a
// process and to its group.
const oneSignal = 5 * time.Millisecond

// signals are the signals that the process gets, from its first moment to its last.
// They are taken at once, whatever else is under way.
type signals struct {
	ctx    context.Context // the first signal to end cancels it; its cause names the signal
	reload chan os.Signal  // of capacity 1: SIGHUP has come and is not yet obeyed
	log    atomic.Pointer[slog.Logger]
	serves atomic.Pointer[service.Service] // nil: none does yet
}

// catchSignals begins to take signals. SIGTERM, SIGINT and the signals in ends cancel
// the context; a second one ends the process at once. Without any in ends, SIGHUP asks
// for a reload.
func catchSignals(t terminal, ends ...os.Signal) *signals {
	ctx, end := context.WithCancelCause(context.Background())
	s := &signals{ctx: ctx, reload: make(chan os.Signal, 1)}
	s.log.Store(service.NewLog(t.err))
	signal.Ignore(ignoredSignals()...)
	if len(ends) == 0 {
		signal.Notify(s.reload, syscall.SIGHUP)
	}
	received := make(chan os.Signal, 2) // so that a second one is not lost
	signal.Notify(received, append(ends, syscall.SIGTERM, os.Interrupt)...)
	go func() {
		first := <-received
		end(errors.New(first.String()))
		came := time.Now()
		for second := range received {
			if time.Since(came) >= oneSignal {
				s.log.Load().Error("second signal: ending at once", "signal", second.String())
				s.flushLines()
				t.abort()
			}
		}
	}()
	return s
}

// ending returns the name of the signal that ends the process.
func (s *signals) ending() string { return context.Cause(s.ctx).Error() }

// serve has the log be that of a service, and its last counts be written.
func (s *signals) serve(running *service.Service) {
	s.log.Store(running.Log())
	s.serves.Store(running)
}

// flushLines has the log say what its lines counted since the last one, unless something
// there hangs.
func (s *signals) flushLines() {
	running := s.serves.Load()
	if running == nil {
		return
	}
	flushed := make(chan struct{})
	go func() {
		defer close(flushed)
		running.FlushLines()
	}()
	select {
	case <-flushed:
	case <-time.After(logqueue.FlushTime):
	}
}

// abort ends the process at once, but for the last lines of its log.
func (t terminal) abort() {
	if log, ok := t.err.(*logqueue.Queue); ok {
		log.End()
	}
	os.Exit(exitFailure)
}
