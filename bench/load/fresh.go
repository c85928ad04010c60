//go:build linux

package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A Fresh load is so many callers that open a connection for each request, as programs
// in PHP and shell scripts do.
type Fresh struct {
	Callers  int
	Duration time.Duration
	Says     bool // they say "Connection: close" and wait until the proxy does; else they close it
	Resume   bool // with TLS: by the ticket of their connection before
}

// freshWarmth is how long it runs before it counts.
const freshWarmth = 300 * time.Millisecond

// Run puts the load on the target. It calls began right before the requests that count.
func (l Fresh) Run(ctx context.Context, t Target, began func() error) (Result, error) {
	play := l.playTLS()
	if t.TLS == nil {
		play = l.play
	}
	if _, err := play(ctx, t, freshWarmth); err != nil {
		return Result{}, err
	}
	if err := began(); err != nil {
		return Result{}, err
	}
	return play(ctx, t, l.Duration)
}

// request returns what each caller sends.
func (l Fresh) request(t Target) []byte {
	request := t.Calls[0].bytes(t.Addr, t.Body)
	if l.Says {
		request = bytes.Replace(request, []byte("\r\nAccept:"), []byte("\r\nConnection: close\r\nAccept:"), 1)
	}
	return request
}

// freshCallers are callers of a Fresh load, each with a connection of the moment.
type freshCallers struct {
	callers
	Fresh
	addr      unix.SockaddrInet4
	request   []byte
	latencies []time.Duration
	failed    int
}

// play is a loop over epoll, which costs the core of the load little.
func (l Fresh) play(ctx context.Context, t Target, long time.Duration) (r Result, err error) {
	addr, err := netip.ParseAddrPort(t.Addr)
	if err != nil {
		return r, fmt.Errorf("new connections: %w", err)
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return r, fmt.Errorf("new connections: %w", err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f := &freshCallers{callers: callers{epoll: epoll, all: make(map[int32]*caller)}, Fresh: l, request: l.request(t)}
	f.addr = unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	defer f.close()
	start := time.Now()
	for range l.Callers {
		if err := f.open(); err != nil {
			return r, err
		}
	}
	events := make([]unix.EpollEvent, l.Callers)
	for end := start.Add(long); len(f.all) > 0; {
		if time.Since(end) > patience {
			return r, fmt.Errorf("new connections: %d were not answered, or not closed, within %v", len(f.all), patience)
		}
		if err := errors.Join(ctx.Err(), f.collect(events, end)); err != nil {
			return r, err
		}
	}
	r = Result{Requests: len(f.latencies), Failed: f.failed, Elapsed: time.Since(start)}
	r.summarize(f.latencies)
	return r, nil
}

// open connects a caller, which on loopback takes no time, and sends its request.
func (f *freshCallers) open() error {
	c := &caller{request: f.request}
	due := time.Now()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("new connections: %w", err)
	}
	c.fd = fd
	f.all[int32(fd)] = c
	if err := unix.Connect(fd, &f.addr); err != nil {
		return fmt.Errorf("new connections: %w", err)
	}
	if err := c.send(due); err != nil {
		return err
	}
	return f.watch(fd)
}

// collect takes what has come, and opens a connection for each that has ended before end.
func (f *freshCallers) collect(events []unix.EpollEvent, end time.Time) error {
	ready, err := f.wait(events)
	if err != nil {
		return err
	}
	for _, event := range ready {
		c := f.all[event.Fd]
		over, err := f.receive(c)
		if err != nil {
			return err
		}
		if !over {
			continue
		}
		delete(f.all, event.Fd)
		unix.Close(c.fd)
		if time.Now().Before(end) {
			if err := f.open(); err != nil {
				return err
			}
		}
	}
	return nil
}

// receive reports whether the caller's connection is over: it has its answer and, if it waits
// for that, the end.
func (f *freshCallers) receive(c *caller) (over bool, err error) {
	var buffer [4096]byte
	n, err := unix.Read(c.fd, buffer[:])
	if err != nil {
		return false, fmt.Errorf("reading an answer: %w", err)
	}
	if n == 0 {
		if !c.answered {
			return false, errors.New("reading an answer: the proxy closed the connection")
		}
		return true, nil
	}
	if c.answered, err = c.take(buffer[:n]); err != nil || !c.answered {
		return false, err
	}
	f.latencies = append(f.latencies, time.Since(c.due))
	if !c.ok {
		f.failed++
	}
	return !f.Says, nil
}
