//go:build linux

package load

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A Constant load is so many requests per second, whether those before are answered
// or not. A latency counts from the moment when its request was due, also if it was sent
// later because all callers were waiting: a proxy that stalls does not get fewer requests
// (no "coordinated omission").
type Constant struct {
	Rate     int // requests per second
	Callers  int // kept-alive connections, which take turns
	Duration time.Duration
	Silence  time.Duration // for so long no caller asks anything, before it begins
}

// patience is how long it waits for the last answers.
const patience = 10 * time.Second

// Run puts the load on the target. It calls began when all callers are connected, right
// before the first request.
func (l Constant) Run(ctx context.Context, t Target, began func() error) (Result, error) {
	callers, err := connect(ctx, t, l.Callers)
	if err != nil {
		return Result{}, err
	}
	defer callers.close()
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return Result{}, fmt.Errorf("making a timer: %w", err)
	}
	defer unix.Close(timer)
	if err := callers.watch(timer); err != nil {
		return Result{}, err
	}
	time.Sleep(l.Silence)
	if err := began(); err != nil {
		return Result{}, err
	}
	runtime.LockOSThread() // the loop and nothing else
	defer runtime.UnlockOSThread()
	s := &schedule{interval: time.Second / time.Duration(l.Rate), total: int(l.Duration.Seconds() * float64(l.Rate)), start: time.Now()}
	if err := s.arm(timer); err != nil {
		return Result{}, err
	}
	if err := s.play(ctx, callers, timer); err != nil {
		return Result{}, err
	}
	result := Result{Requests: len(s.latencies), Failed: s.failed, Elapsed: time.Since(s.start)}
	result.summarize(s.latencies)
	return result, nil
}

// A schedule is when requests are due, and what became of them.
type schedule struct {
	start     time.Time
	interval  time.Duration
	total     int
	sent      int
	failed    int
	latencies []time.Duration
}

// arm sets the timer, which ticks whenever a request is due.
func (s *schedule) arm(timer int) error {
	interval := unix.NsecToTimespec(s.interval.Nanoseconds())
	err := unix.TimerfdSettime(timer, 0, &unix.ItimerSpec{Interval: interval, Value: interval}, nil)
	if err != nil {
		return fmt.Errorf("setting a timer: %w", err)
	}
	return nil
}

// due returns the moment of request n, counted from 0: the first is due at the
// timer's first tick.
func (s *schedule) due(n int) time.Time {
	return s.start.Add(time.Duration(n+1) * s.interval)
}

// play sends all requests and waits for all answers.
func (s *schedule) play(ctx context.Context, c *callers, timer int) error {
	end := s.due(s.total).Add(patience)
	events := make([]unix.EpollEvent, len(c.all)+1)
	for len(s.latencies) < s.total {
		now := time.Now()
		if now.After(end) {
			return fmt.Errorf("%d of %d requests were not answered within %v", s.total-len(s.latencies), s.total, patience)
		}
		for s.sent < s.total && len(c.free) > 0 && !s.due(s.sent).After(now) {
			if err := c.take().send(s.due(s.sent)); err != nil {
				return err
			}
			s.sent++
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.collect(c, timer, events); err != nil {
			return err
		}
	}
	return nil
}

// collect waits for the next tick or for answers, and reads the answers.
func (s *schedule) collect(c *callers, timer int, events []unix.EpollEvent) error {
	ready, err := c.wait(events)
	if err != nil {
		return err
	}
	for _, event := range ready {
		if int(event.Fd) == timer {
			var ticks [8]byte
			unix.Read(timer, ticks[:]) //nolint:errcheck // how many there were is of no interest: due tells
			continue
		}
		one := c.all[event.Fd]
		complete, err := one.receive()
		if err != nil {
			return err
		}
		if !complete {
			continue
		}
		if !one.ok {
			s.failed++
		}
		s.latencies = append(s.latencies, time.Since(one.due))
		c.free = append(c.free, one)
	}
	return nil
}
