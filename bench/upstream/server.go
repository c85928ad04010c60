//go:build linux

// Package upstream is a WeChat for measurements. It answers every request alike, as fast
// as one thread can, so that the proxy before it is the bottleneck. It checks each request,
// so that a proxy which does less is noticed.
//
// Its own loop over epoll takes about half the time of nginx's `return 200`, and the
// program that measures can read its counts without a request.
package upstream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Token is the access token that the token API hands out, and that every other
// request has to show.
const Token = "57_bench-Zk3vYt0aQm7cXw1sNd9eRu5gHj2bLp6oTi8fKq4yVzAxMcEnWrGhJdSlPuBtFo-IYQADAEXAMPLE-0123456789_0123456789abcdefghijklmnopqrstuv"

// Counts is what a Server has seen since its start.
type Counts struct {
	Requests    int64 // with the token, as they should be
	Wrong       int64 // without the token, or with the caller's key
	Fetches     int64 // of a token
	Connections int64
}

// A Server answers on loopback until it is closed.
type Server struct {
	listener net.Listener
	tls      *tls.Config // nil: in the clear
	epoll    int
	closed   atomic.Bool
	ended    sync.WaitGroup // the loop and the accepting goroutine

	requests, wrong, fetches, connections atomic.Int64

	mu       sync.Mutex // guards what follows
	conns    map[int32]*conn
	long     map[int][]byte // answers, by the length of their bodies
	recorded []byte
	record   atomic.Bool
}

// Start serves on a free port of loopback, with TLS if there is a configuration.
func Start(config *tls.Config) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the upstream: %w", err)
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("starting the upstream: %w", err)
	}
	s := &Server{listener: listener, tls: config, epoll: epoll, conns: make(map[int32]*conn), long: make(map[int][]byte)}
	s.ended.Go(s.accept)
	s.ended.Go(s.serve)
	return s, nil
}

// URL returns scheme and address.
func (s *Server) URL() string {
	if s.tls != nil {
		return "https://" + s.listener.Addr().String()
	}
	return "http://" + s.listener.Addr().String()
}

// Counts returns what the server has seen so far.
func (s *Server) Counts() Counts {
	return Counts{s.requests.Load(), s.wrong.Load(), s.fetches.Load(), s.connections.Load()}
}

// Record keeps the head of the next request, which Recorded returns.
func (s *Server) Record() {
	s.mu.Lock()
	s.recorded = nil
	s.mu.Unlock()
	s.record.Store(true)
}

// Recorded returns the head of the first request after Record, nil without one.
func (s *Server) Recorded() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recorded
}

// Close ends all connections and waits until all goroutines have ended.
func (s *Server) Close() {
	s.closed.Store(true)
	s.listener.Close()
	s.ended.Wait()
	for _, c := range s.conns {
		unix.Close(c.fd)
	}
	unix.Close(s.epoll)
}

// serve answers requests as they come. It owns the conns once they are in epoll.
func (s *Server) serve() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	events := make([]unix.EpollEvent, 256)
	buffer := make([]byte, 256<<10)
	for !s.closed.Load() {
		for _, event := range events[:s.wait(events)] {
			s.mu.Lock()
			c := s.conns[event.Fd]
			s.mu.Unlock()
			if err := c.event(event.Events, buffer); err != nil {
				s.forget(c)
			}
		}
	}
}

// wait returns how many events there are. It first asks without waiting, for which Go's
// scheduler has nothing to do, and then waits, but for a limited time, so that it notices
// Close.
func (s *Server) wait(events []unix.EpollEvent) int {
	if n := pollNow(s.epoll, events); n > 0 {
		return n
	}
	const milliseconds = 100
	n, err := unix.EpollWait(s.epoll, events, milliseconds)
	if err != nil && !errors.Is(err, unix.EINTR) {
		panic(fmt.Sprintf("BUG: waiting for requests: %v", err))
	}
	return max(n, 0)
}

// forget closes the connection. Closing alone would not end its events while a process that
// is being started has a copy of the descriptor.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, int32(c.fd))
	s.mu.Unlock()
	unix.EpollCtl(s.epoll, unix.EPOLL_CTL_DEL, c.fd, nil) //nolint:errcheck // it may not have been added
	unix.Close(c.fd)
}
