package push

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"wxproxy/internal/lograte"
)

// What a connection to the push listener may take.
const (
	requestTimeout = 10 * time.Second // for a whole request, and for its answer after that

	// idleTimeout is longer than web servers keep connections: they would lose a push that
	// they send while one is closed here. nginx keeps them for 60 s, Caddy for 2 min.
	idleTimeout = 150 * time.Second

	// headerSize makes 16 KiB with what package http adds to it.
	headerSize = 12 << 10
)

// A Server serves the push listener, which faces the internet.
type Server struct {
	http    *http.Server
	log     *slog.Logger
	most    int64        // connections
	open    atomic.Int64 // those that are
	crowded lograte.Line
}

// NewServer returns a server whose requests handler answers. It closes connections at once
// that come while maxConnections are open.
func NewServer(handler http.Handler, maxConnections int, log *slog.Logger) *Server {
	s := &Server{log: log, most: int64(maxConnections)}
	s.http = &http.Server{
		Handler:                      handler,
		DisableGeneralOptionsHandler: true,
		ReadTimeout:                  requestTimeout,
		WriteTimeout:                 requestTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               headerSize,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				s.open.Add(-1)
			}
		},
	}
	return s
}

// Serve serves the connections that ln accepts, until Drain. It returns
// [http.ErrServerClosed] then.
func (s *Server) Serve(ln net.Listener) error { return s.http.Serve(listener{ln, s}) }

// Drain closes all listeners and waits until the pushes under way are answered, or until
// ctx ends. Then it closes what is left.
func (s *Server) Drain(ctx context.Context) error {
	defer s.crowded.Flush()
	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close() // the error is that not all were answered
	}
	return err
}

// A listener accepts no more connections than its server may have.
type listener struct {
	net.Listener
	server *Server
}

// Accept implements [net.Listener].
func (l listener) Accept() (net.Conn, error) {
	s := l.server
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if s.open.Add(1) <= s.most {
			return emptyErrors{c}, nil
		}
		s.open.Add(-1)
		_ = c.Close()
		s.crowded.Note(func(count int) {
			s.log.Warn("connections to the push listener were closed, since there are too many", "max_connections", s.most, "count", count)
		})
	}
}
