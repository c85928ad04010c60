package admin

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"wxproxy/internal/lograte"
)

// MaxConnections is how many operators and their programs may be connected at a
// time. When one more comes, who rests longest has to go.
const MaxConnections = 64

// What a connection to the admin listener may take.
const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 10 * time.Second // also for the answer, for who shows the key
	idleTimeout    = time.Minute

	// strangerTimeout is how long who shows no key has, from the beginning of a
	// connection or the header of a later request to the end of the answer; what
	// WeChat takes of that is not counted, and answerTimeout is left in any case.
	strangerTimeout = 5 * time.Second
	answerTimeout   = time.Second

	// lingerTimeout is how long a body that nobody reads is taken after the answer,
	// so that who is still sending it can read that.
	lingerTimeout = 500 * time.Millisecond

	// headerSize makes 16 KiB with what package http adds to it.
	headerSize = 12 << 10
)

// wrongKeyDelay is how long the answer to a wrong key takes.
const wrongKeyDelay = 500 * time.Millisecond

// A Server serves the admin listener, whoever connects to that.
type Server struct {
	// Knows reports whether a request shows the right key; nil: none does.
	Knows func(*http.Request) bool

	http     *http.Server
	handler  http.Handler
	log      *slog.Logger
	visitors visitors

	guessed lograte.Line
}

// connectionKey is what a request's context has its connection under.
type connectionKey struct{}

// NewServer returns a server whose requests handler answers.
func NewServer(handler http.Handler, log *slog.Logger) *Server {
	s := &Server{handler: handler, log: log, visitors: visitors{log: log, most: MaxConnections, by: map[*visitor]struct{}{}}}
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.answer),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerSize,
		ConnState:         s.visitors.note,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, c)
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s
}

// HoldTo has the server take fewer connections than MaxConnections, where open files
// are few. It is called before Serve.
func (s *Server) HoldTo(most int) { s.visitors.most = most }

// Serve serves those whom ln accepts, until Close.
func (s *Server) Serve(ln net.Listener) error { return s.http.Serve(door{ln, &s.visitors}) }

// Close closes all listeners and connections.
func (s *Server) Close() error { return s.http.Close() }

// answer has the handler answer. Who shows the key has time; a stranger has little,
// and makes room while a body or the taking of an answer is waited for.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	v := r.Context().Value(connectionKey{}).(*visitor)
	if s.Knows != nil && s.Knows(r) {
		v.stand(known)
		s.handler.ServeHTTP(w, r)
		return
	}
	end := v.began().Add(strangerTimeout)
	control := http.NewResponseController(w)
	if r.ContentLength == 0 {
		v.stand(handled)
	} else {
		// Without this, package http would read the body before it answers.
		w.Header().Set("Connection", "close")
		_ = control.SetReadDeadline(end) // a connection has deadlines
		defer func() { _ = control.SetReadDeadline(time.Now().Add(lingerTimeout)) }()
		r.Body = &body{ReadCloser: r.Body, complete: func() { v.stand(handled) }}
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

// WrongKey has whoever shows a wrong key wait, and the log say so. Meanwhile others
// come first.
func (s *Server) WrongKey(r *http.Request) {
	address := addressOf(r)
	s.guessed.Note(func(count int) {
		s.log.Warn("a wrong key was shown to the admin listener", "address", address, "count", count)
	})
	v := r.Context().Value(connectionKey{}).(*visitor)
	v.stand(guessing)
	defer v.stand(handled)
	timer := time.NewTimer(wrongKeyDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-v.gone:
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
