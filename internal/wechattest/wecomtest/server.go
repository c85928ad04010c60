package wecomtest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"

	"wxproxy/internal/wechattest"
)

// A Server serves a WeCom over real sockets on 127.0.0.1.
type Server struct {
	URL string // without a slash at the end
	CA  []byte // PEM of the certificate to trust; nil without TLS

	wecom     *WeCom
	configure []func(*http.Server)
	tls       *tls.Config // nil without TLS
	http      *http.Server
	served    sync.WaitGroup // the goroutine that accepts connections
}

// Start serves over HTTP on a free port. configure may change the server before it starts.
func (w *WeCom) Start(configure ...func(*http.Server)) (*Server, error) {
	return w.serve(anyPort, nil, configure)
}

// StartAt serves as Start does, on an address, or on a free port if that is in use.
func (w *WeCom) StartAt(addr string, configure ...func(*http.Server)) (*Server, error) {
	s, err := w.serve(addr, nil, configure)
	if errors.Is(err, syscall.EADDRINUSE) {
		return w.Start(configure...)
	}
	return s, err
}

// StartTLS serves as Start does, over HTTPS, with a certificate for 127.0.0.1, localhost
// and all of weixin.qq.com.
func (w *WeCom) StartTLS(configure ...func(*http.Server)) (*Server, error) {
	certificate, ca, err := wechattest.NewCertificate()
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	s, err := w.serve(anyPort, &tls.Config{Certificates: []tls.Certificate{certificate}}, configure)
	if err != nil {
		return nil, err
	}
	s.CA = ca
	return s, nil
}

// anyPort is an address with a port that nobody has.
const anyPort = "127.0.0.1:0"

func (w *WeCom) serve(addr string, config *tls.Config, configure []func(*http.Server)) (*Server, error) {
	s := &Server{wecom: w, configure: configure, tls: config}
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
		return "", fmt.Errorf("listening as WeCom: %w", err)
	}
	addr = ln.Addr().String()
	if s.tls != nil {
		ln = tls.NewListener(ln, s.tls)
	}
	server := &http.Server{
		Addr:     addr,
		Handler:  s.wecom,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // tests have callers that break the rules
	}
	for _, f := range s.configure {
		f(server)
	}
	s.http = server
	s.served.Go(func() { _ = server.Serve(ln) }) // ends when the server is closed
	return addr, nil
}

// Close stops listening and closes every connection.
func (s *Server) Close() {
	_ = s.http.Close() // an error means that it was closed before
	s.served.Wait()
}

// Restart listens again, on the same port, after Close.
func (s *Server) Restart() error {
	_, err := s.listen(s.http.Addr)
	return err
}
