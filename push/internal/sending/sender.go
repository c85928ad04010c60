// Package sending sends one push to one program: it signs it, encrypts it for programs
// that insist, and judges what they answer.
package sending

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/push/internal/envelope"
	"wxproxy/push/internal/message"
)

// What a program's connections may take.
const (
	maxIdle      = 64 // connections that are kept for one forward
	idleTimeout  = 30 * time.Second
	maxHeader    = 32 << 10
	maxReply     = 1 << 20
	writeBuffer  = 4 << 10
	dialPatience = 5 * time.Second // for those nobody waits for any more
)

// A Config says where pushes go, and how.
type Config struct {
	URL     string // http, https, or unix:PATH:/path
	Timeout time.Duration
	Token   secret.Secret  // signs what is sent; empty: the account's does
	AESKey  secret.Secret  // encrypts what is sent; empty: it goes in the clear
	Roots   *x509.CertPool // whom https trusts; nil: the system's
}

// A Push is what is sent.
type Push struct {
	ID          string
	Attempt     int
	Account     string
	AppID       string
	Inside      string // the id that an encrypted push has in it
	Token       secret.Secret
	OpenID      string
	RequestID   string
	ContentType string
	Message     message.Message
	IsEvent     bool // of a third-party platform, which has another envelope
	IsWeCom     bool // which has yet another one
	Plain       []byte
}

// A Sender sends pushes to one program. It may be used concurrently.
type Sender struct {
	target  *url.URL
	socket  string // the path of the Unix socket, if it is one
	timeout time.Duration
	token   secret.Secret
	key     *envelope.Key

	kept  *http.Transport // whose connections are used again
	fresh *http.Transport // whose are not
}

// New returns the sender that c describes. Its errors do not quote c.
func New(c Config) (*Sender, error) {
	target, socket, err := parse(c.URL)
	if err != nil {
		return nil, err
	}
	s := &Sender{target: target, socket: socket, timeout: c.Timeout, token: c.Token}
	if !c.AESKey.Empty() {
		if s.key, err = envelope.NewKey(c.AESKey); err != nil {
			return nil, err
		}
	}
	s.kept, s.fresh = transport(socket, c.Roots), transport(socket, c.Roots)
	s.fresh.DisableKeepAlives = true
	return s, nil
}

// String returns where the program is, without a password or a query.
func (s *Sender) String() string {
	if s.socket != "" {
		return "unix:" + s.socket + ":" + s.target.EscapedPath()
	}
	return s.target.Scheme + "://" + s.target.Host + s.target.EscapedPath()
}

// Close closes the connections that are not in use. Those that are, are closed when they
// have rested.
func (s *Sender) Close() { s.kept.CloseIdleConnections() }

// transport returns what sends requests: to socket, if that is not empty. It follows no
// redirect, asks no proxy and takes no compressed answer.
func transport(socket string, roots *x509.CertPool) *http.Transport {
	dialer := &net.Dialer{Timeout: dialPatience}
	t := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialPatience,
		DisableCompression:     true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
		WriteBufferSize:        writeBuffer,
	}
	if socket != "" {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		}
	}
	return t
}

// parse returns the URL that text names, and the path of its Unix socket, if it has one.
func parse(text string) (target *url.URL, socket string, err error) {
	if path, isSocket := strings.CutPrefix(text, "unix:"); isSocket {
		path, rest, _ := strings.Cut(path, ":/")
		socket, text = path, "http://localhost/"+rest
		if socket == "" {
			return nil, "", errURL
		}
	}
	target, err = url.Parse(text)
	if err != nil || target.Scheme != "http" && target.Scheme != "https" || target.Host == "" {
		return nil, "", errURL
	}
	target.Fragment = ""
	return target, socket, nil
}
