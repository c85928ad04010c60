package admin

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"wxproxy/internal/lograte"
	"wxproxy/internal/origin"
)

// MaxConnections is how many operators and their programs may be connected at a
// time. When one more comes, the one that has rested longest has to go.
const MaxConnections = 64

// What a connection to the admin listener may take.
const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 10 * time.Second // with the answer, for requests that show the key
	idleTimeout    = time.Minute

	// strangerTimeout is how long a request without the key may take, from the
	// beginning of its connection, or the header of a later request, to the end of
	// its answer. When WeChat is asked meanwhile, answerTimeout is left for the answer
	// in any case.
	strangerTimeout = 5 * time.Second
	answerTimeout   = time.Second

	// lingerTimeout is how long a body that nobody reads is taken after the answer,
	// so that a client which is still sending it can read the answer.
	lingerTimeout = 500 * time.Millisecond

	// headerSize makes 16 KiB with what package http adds to it.
	headerSize = 12 << 10
)

// wrongKeyDelay is how long the answer to a wrong key takes.
const wrongKeyDelay = 500 * time.Millisecond

// A Server serves the admin listener, and bounds what clients without the key take.
type Server struct {
	// Knows reports whether a request shows the right key; nil: none does.
	Knows func(*http.Request) bool

	// Trusted returns the web servers before the listener; nil: there are none.
	Trusted func() origin.Trusted

	http        *http.Server
	handler     http.Handler
	log         *slog.Logger
	connections connections

	guessed lograte.Line
}

// connectionKey is the key under which the context of a request has its connection.
type connectionKey struct{}

// NewServer returns a server whose requests handler answers.
func NewServer(handler http.Handler, log *slog.Logger) *Server {
	s := &Server{handler: handler, log: log, connections: connections{log: log, most: MaxConnections, by: map[*connection]struct{}{}}}
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.answer),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerSize,
		ConnState:         s.connections.note,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, c)
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s
}

// HoldTo has the server take fewer connections than MaxConnections, where open files
// are few. It is called before Serve.
func (s *Server) HoldTo(most int) { s.connections.most = most }

// Serve serves the connections that ln accepts, until Close.
func (s *Server) Serve(ln net.Listener) error { return s.http.Serve(listener{ln, &s.connections}) }

// Close closes all listeners and connections.
func (s *Server) Close() error {
	err := s.http.Close()
	s.FlushLines()
	return err
}

// FlushLines has the log say what its lines counted since the last one, as the process is
// about to end.
func (s *Server) FlushLines() {
	s.guessed.Flush()
	s.connections.crowded.Flush()
}

// answer has the handler answer. Requests that show the key have time. Others have
// little, and their connection may have to make room while the server waits for their
// body, or for them to take the answer.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connectionKey{}).(*connection)
	if s.Knows != nil && s.Knows(r) {
		c.setRank(known)
		s.handler.ServeHTTP(w, r)
		return
	}
	end := c.began().Add(strangerTimeout)
	control := http.NewResponseController(w)
	if r.ContentLength == 0 {
		c.setRank(handled)
	} else {
		// Without this, package http would read the body before it answers.
		w.Header().Set("Connection", "close")
		_ = control.SetReadDeadline(end) // a connection has deadlines
		defer func() { _ = control.SetReadDeadline(time.Now().Add(lingerTimeout)) }()
		r.Body = &body{ReadCloser: r.Body, complete: func() { c.setRank(handled) }}
	}
	s.handler.ServeHTTP(&response{ResponseWriter: w, begins: func() {
		_ = control.SetWriteDeadline(later(end, time.Now().Add(answerTimeout)))
	}}, r)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// WrongKey has a request that shows a wrong key wait, and the log say so. Meanwhile
// its connection is the first that has to make room.
func (s *Server) WrongKey(r *http.Request) {
	address := s.addressOf(r)
	s.guessed.Note(func(count int) {
		s.log.Warn("a wrong key was shown to the admin listener", "address", address, "count", count)
	})
	c := r.Context().Value(connectionKey{}).(*connection)
	c.setRank(guessing)
	defer c.setRank(handled)
	timer := time.NewTimer(wrongKeyDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.gone:
	case <-r.Context().Done():
	}
}

func (s *Server) addressOf(r *http.Request) string {
	if s.Trusted == nil {
		return AddressOf(r, origin.Trusted{})
	}
	return AddressOf(r, s.Trusted())
}

// A response calls begins before its first byte is written.
type response struct {
	http.ResponseWriter
	begins func()
	begun  bool
}

// WriteHeader implements [http.ResponseWriter].
func (r *response) WriteHeader(status int) {
	r.begin()
	r.ResponseWriter.WriteHeader(status)
}

// Write implements [io.Writer].
func (r *response) Write(p []byte) (int, error) {
	r.begin()
	return r.ResponseWriter.Write(p)
}

// Unwrap is for [http.ResponseController].
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *response) begin() {
	if !r.begun {
		r.begun = true
		r.begins()
	}
}
