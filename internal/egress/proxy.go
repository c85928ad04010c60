// Package egress leads out through the proxy of a network: over HTTP CONNECT, with TLS to
// the proxy or without, or SOCKS version 5. Who uses it looks up and dials the proxy's
// address, and gets a connection to the target, whose name the proxy looks up: in
// such networks nobody else may know it.
package egress

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"wxproxy/internal/secret"
)

// A Proxy is one that leads out. It is not changed any more.
type Proxy struct {
	scheme  string // "http", "https" or "socks5"
	host    string
	port    string
	user    string
	pass    secret.Secret
	setting string      // who names it, for messages
	tls     *tls.Config // nil: it is spoken to in the clear
}

// The ways to speak to a proxy.
const (
	overHTTP  = "http"
	overHTTPS = "https"
	overSOCKS = "socks5"
)

// schemes are what a URL may begin with. Names are looked up by the proxy either way.
var schemes = map[string]string{"http": overHTTP, "https": overHTTPS, "socks5": overSOCKS, "socks5h": overSOCKS}

// good is what a URL should be like, and escaped what may be missing of one that is none.
const (
	good    = `write "http://host:port", "https://..." or "socks5://...", and "user:password@" before the host if it wants that`
	escaped = `; in the password, # is %23, / is %2F, ? is %3F and % is %25`
)

// Parse returns the proxy with the URL raw, which the setting of that name has. An error
// says what is wrong with it, and quotes nothing: it may hold a password.
func Parse(raw, setting string) (*Proxy, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return nil, errors.New("is no URL of a proxy; " + good + escaped)
	}
	p := &Proxy{scheme: schemes[u.Scheme], host: u.Hostname(), port: u.Port(), setting: setting}
	pass, _ := u.User.Password()
	p.user, p.pass = u.User.Username(), secret.New(pass)
	port, err := strconv.ParseUint(p.port, 10, 16)
	switch {
	case p.scheme == "":
		return nil, errors.New("begins with a scheme that leads through no proxy; " + good)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("has something behind the port; " + good + escaped)
	case err != nil || port == 0:
		return nil, errors.New(`has no port from 1 to 65535; write the proxy's, as in "http://proxy.example:3128"`)
	}
	if err := p.checkUser(); err != nil {
		return nil, err
	}
	if p.scheme == overHTTPS {
		p.tls = tlsTo(p.host, nil)
	}
	return p, nil
}

// checkUser says what is wrong with user and password for this kind of proxy.
func (p *Proxy) checkUser() error {
	length := len(p.pass.Reveal())
	switch {
	case p.scheme == overSOCKS && p.user != "" && (len(p.user) > longestWord || length == 0 || length > longestWord):
		return errors.New("SOCKS takes a user and a password of 1 to 255 bytes each")
	case p.scheme != overSOCKS && strings.Contains(p.user, ":"):
		return errors.New("a user cannot have a colon in it")
	}
	return nil
}

func tlsTo(name string, roots *x509.CertPool) *tls.Config {
	return &tls.Config{
		ServerName: name, RootCAs: roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(0), DynamicRecordSizingDisabled: true,
	}
}

// Trusting returns p with these roots for its certificate; nil: the system's.
func (p *Proxy) Trusting(roots *x509.CertPool) *Proxy {
	trusting := *p
	if p.tls != nil {
		trusting.tls = tlsTo(p.host, roots)
	}
	return &trusting
}

// Host and Port return where the proxy is.
func (p *Proxy) Host() string { return p.host }

// Port returns the proxy's.
func (p *Proxy) Port() string { return p.port }

// Address returns host and port of the proxy.
func (p *Proxy) Address() string { return net.JoinHostPort(p.host, p.port) }

// String returns the proxy's URL without user and password.
func (p *Proxy) String() string { return (&url.URL{Scheme: p.scheme, Host: p.Address()}).String() }

// Is reports whether q is the same proxy, to which the same is shown.
func (p *Proxy) Is(q *Proxy) bool {
	return p.String() == q.String() && p.basic() == q.basic()
}

// Setting returns who names the proxy: the name of a setting or of a variable.
func (p *Proxy) Setting() string { return p.setting }

// Secrets returns what nobody is to see of the proxy: its password, and what is sent of it.
func (p *Proxy) Secrets() []secret.Secret {
	if p.pass.Empty() {
		return nil
	}
	return []secret.Secret{p.pass, secret.New(p.basic()), secret.New(url.UserPassword("", p.pass.Reveal()).String()[1:])}
}
