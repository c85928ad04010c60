package admin

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"wxproxy/internal/lograte"
)

// MaxConnections is how many operators and their programs may be connected at a
// time. When one more comes, who rests longest has to go.
const MaxConnections = 64

// What a connection to the admin listener may take.
const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 10 * time.Second // also for the answer
	idleTimeout    = time.Minute

	// headerSize makes 16 KiB with what package http adds to it.
	headerSize = 12 << 10
)

// wrongKeyDelay is how long the answer to a wrong key takes.
const wrongKeyDelay = 500 * time.Millisecond

// A Server serves the admin listener, whoever connects to that.
type Server struct {
	http *http.Server
	log  *slog.Logger

	mu      sync.Mutex // guards what follows
	open    int
	resting map[net.Conn]time.Time // those that have no request under way, and since when

	crowded, guessed lograte.Line
}

// connectionKey is what a request's context has its connection under.
type connectionKey struct{}

// NewServer returns a server whose requests handler answers.
func NewServer(handler http.Handler, log *slog.Logger) *Server {
	s := &Server{log: log, resting: map[net.Conn]time.Time{}}
	s.http = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerSize,
		ConnState:         s.note,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, c)
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s
}

// Serve serves those whom ln accepts, until Close.
func (s *Server) Serve(ln net.Listener) error { return s.http.Serve(ln) }

// Close closes all listeners and connections.
func (s *Server) Close() error { return s.http.Close() }

// note keeps count of the connections. It is called before a new one is served.
func (s *Server) note(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.open++
		if s.resting[c] = time.Now(); s.open > MaxConnections {
			s.makeRoom()
		}
	case http.StateActive:
		delete(s.resting, c)
	case http.StateIdle:
		s.resting[c] = time.Now()
	case http.StateClosed, http.StateHijacked:
		delete(s.resting, c)
		s.open--
	}
}

// makeRoom closes the connection that rests longest, which may be the newest. The
// caller holds s.mu.
func (s *Server) makeRoom() {
	var longest net.Conn
	for c, since := range s.resting {
		if longest == nil || since.Before(s.resting[longest]) {
			longest = c
		}
	}
	delete(s.resting, longest)
	go longest.Close()
	s.crowded.Note(func(count int) {
		s.log.Warn("too many connections to the admin listener; those that rest longest are closed", "limit", MaxConnections, "closed", count)
	})
}

// WrongKey has whoever shows a wrong key wait, and the log say so. Meanwhile the
// connection counts as one that rests longest: others with the right key come first.
func (s *Server) WrongKey(r *http.Request) {
	address := addressOf(r)
	s.guessed.Note(func(count int) {
		s.log.Warn("a wrong key was shown to the admin listener", "address", address, "count", count)
	})
	if c, ok := r.Context().Value(connectionKey{}).(net.Conn); ok {
		s.mu.Lock()
		s.resting[c] = time.Time{}
		s.mu.Unlock()
		defer s.note(c, http.StateActive)
	}
	timer := time.NewTimer(wrongKeyDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// addressOf returns from where a request came, without the port.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "unix socket"
	}
	return host
}
