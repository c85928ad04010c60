package wecomtest

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"wxproxy/internal/wechattest"
)

// A Server serves a WeCom over real sockets on 127.0.0.1.
type Server struct {
	URL string // without a slash at the end
	CA  []byte // PEM of the certificate to trust; nil without TLS

	http   *http.Server
	served sync.WaitGroup // the goroutine that accepts connections
}

// Start serves over HTTP on a free port. configure may change the server before it starts.
func (w *WeCom) Start(configure ...func(*http.Server)) (*Server, error) {
	return w.serve(nil, nil, configure)
}

// StartTLS serves as Start does, over HTTPS, with a certificate for 127.0.0.1, localhost
// and all of weixin.qq.com.
func (w *WeCom) StartTLS(configure ...func(*http.Server)) (*Server, error) {
	certificate, ca, err := wechattest.NewCertificate()
	if err != nil {
		return nil, fmt.Errorf("making a certificate: %w", err)
	}
	return w.serve(&tls.Config{Certificates: []tls.Certificate{certificate}}, ca, configure)
}

func (w *WeCom) serve(config *tls.Config, ca []byte, configure []func(*http.Server)) (*Server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening as WeCom: %w", err)
	}
	s := &Server{URL: "http://" + ln.Addr().String(), CA: ca}
	if config != nil {
		s.URL, ln = "https://"+ln.Addr().String(), tls.NewListener(ln, config)
	}
	s.http = &http.Server{
		Handler:  w,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // tests have callers that break the rules
	}
	for _, f := range configure {
		f(s.http)
	}
	s.served.Go(func() { _ = s.http.Serve(ln) }) // ends when the server is closed
	return s, nil
}

// Close stops listening and closes every connection.
func (s *Server) Close() {
	_ = s.http.Close() // an error means that it was closed before
	s.served.Wait()
}
