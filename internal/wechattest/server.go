package wechattest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// A Server serves a WeChat over real sockets on 127.0.0.1.
type Server struct {
	URL string // without a slash at the end
	CA  []byte // PEM of the certificate to trust; nil without TLS

	wechat    *WeChat
	configure []func(*http.Server)
	tls       *tls.Config // nil without TLS

	mu     sync.Mutex // guards what follows
	change *sync.Cond // conns have changed
	conns  map[net.Conn]*connection
	http   *http.Server
	cancel context.CancelFunc // ends what requests wait for
	served sync.WaitGroup     // the goroutine that accepts connections
}

// A connection is one that a caller has opened.
type connection struct {
	idle      bool // kept alive, between two requests
	answering bool // its answer is decided: it will soon be idle or closed
}

// connectionKey is the key of the net.Conn in a request's context.
type connectionKey struct{}

// Start serves over HTTP on a free port. configure may change the server before
// it starts, for example its IdleTimeout.
func (w *WeChat) Start(configure ...func(*http.Server)) (*Server, error) {
	return w.newServer(anyPort, nil, nil, configure)
}

// StartAt serves as Start does, on an address, or on a free port if that is in use.
func (w *WeChat) StartAt(addr string, configure ...func(*http.Server)) (*Server, error) {
	s, err := w.newServer(addr, nil, nil, configure)
	if errors.Is(err, syscall.EADDRINUSE) {
		return w.Start(configure...)
	}
	return s, err
}

// StartTLS serves as Start does, over HTTPS, with a certificate for 127.0.0.1,
// localhost and all of weixin.qq.com.
func (w *WeChat) StartTLS(configure ...func(*http.Server)) (*Server, error) {
	certificate, ca, err := NewCertificate()
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	return w.newServer(anyPort, &tls.Config{Certificates: []tls.Certificate{certificate}}, ca, configure)
}

// anyPort is an address with a port that nobody has.
const anyPort = "127.0.0.1:0"

func (w *WeChat) newServer(addr string, config *tls.Config, ca []byte, configure []func(*http.Server)) (*Server, error) {
	s := &Server{CA: ca, wechat: w, configure: configure, tls: config, conns: make(map[net.Conn]*connection)}
	s.change = sync.NewCond(&s.mu)
	addr, err := s.listen(addr)
	if err != nil {
		return nil, err
	}
	s.URL = "http://" + addr
	if config != nil {
		s.URL = "https://" + addr
	}
	return s, nil
}

// listen begins to serve on addr and returns the address it got.
func (s *Server) listen(addr string) (string, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("listening as WeChat: %w", err)
	}
	addr = ln.Addr().String()
	if s.tls != nil {
		ln = tls.NewListener(ln, s.tls)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{
		Addr:        addr,
		Handler:     http.HandlerFunc(s.serve),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState:   s.track,
		ConnContext: rememberConn,
		ErrorLog:    slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // tests have callers that break the rules
	}
	for _, f := range s.configure {
		f(server)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.http, s.cancel = server, cancel
	s.served.Go(func() { _ = server.Serve(ln) }) // ends when the server is closed
	return addr, nil
}

func rememberConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
}

func (s *Server) serve(rw http.ResponseWriter, r *http.Request) {
	a, err := s.wechat.exchange(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	s.markAnswering(r.Context().Value(connectionKey{}).(net.Conn))
	a.write(rw)
}

func (s *Server) markAnswering(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[conn].answering = true
}

// track keeps the state of each connection.
func (s *Server) track(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(s.conns, conn)
	default:
		s.conns[conn] = &connection{idle: state == http.StateIdle}
	}
	s.change.Broadcast()
}

// CloseIdle closes the connections that are kept alive without a request, also those
// that were answered just now, and returns how many.
func (s *Server) CloseIdle() int {
	s.mu.Lock()
	for s.answering() {
		s.change.Wait()
	}
	var idle []net.Conn
	for conn, c := range s.conns {
		if c.idle {
			c.idle = false
			idle = append(idle, conn)
		}
	}
	s.mu.Unlock()
	for _, conn := range idle {
		_ = conn.Close() // an error means that the caller was quicker
	}
	return len(idle)
}

func (s *Server) answering() bool {
	for _, c := range s.conns {
		if c.answering {
			return true
		}
	}
	return false
}

// Close stops listening and closes every connection; a request under way is cut
// and its caller sees the connection closed. It returns when all has ended.
func (s *Server) Close() {
	s.mu.Lock()
	server, cancel := s.http, s.cancel
	s.mu.Unlock()
	cancel()
	_ = server.Close() // an error means that it was closed before
	s.served.Wait()
	_ = server.Close() // a connection that was accepted meanwhile

	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.conns) > 0 {
		s.change.Wait()
	}
}

// Restart listens again, on the same port, after Close.
func (s *Server) Restart() error {
	s.mu.Lock()
	addr := s.http.Addr
	s.mu.Unlock()
	_, err := s.listen(addr)
	return err
}
