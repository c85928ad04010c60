package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"wxproxy/internal/origin"
)

func (l *loader) readProxy(t *table) {
	t.readSettings()

	p := &l.cfg.Proxy
	t.checkTLS(p)
	t.checkListen(p.Listen)
	t.checkTrusted(p.TrustedProxies)
	for i, name := range p.Hosts {
		if name == "" || !isHost(name) {
			t.wrong(item("hosts", i), `is not a name; write it without scheme and port, as "wxproxy.internal"`)
		}
	}
}

// longestDelay is the longest shutdown_delay. Load balancers notice within seconds
// that a process is not ready; what is longer is a unit taken for another one.
const longestDelay = 5 * time.Minute

// shutdownDelay reads a duration that may be zero.
func (t *table) shutdownDelay(key string, into *time.Duration) bool {
	return parsed(t, key, func(value any) (time.Duration, error) {
		text, _ := value.(string)
		if d, err := time.ParseDuration(text); err == nil && d <= 0 {
			if d < 0 {
				return 0, errors.New("must not be negative")
			}
			return 0, nil
		}
		d, err := parseDuration(value)
		if d > longestDelay {
			return 0, fmt.Errorf("must be at most %s", short(longestDelay))
		}
		return d, err
	}, into)
}

// checkTrusted reports what names no web server, and remarks on what names everybody.
func (t *table) checkTrusted(servers []string) {
	for i, text := range servers {
		var trusted origin.Trusted
		if err := trusted.Add(text); err != nil {
			t.wrong(item("trusted_proxies", i), "%v", err)
		} else if trusted.Everybody() {
			t.warn(t.key(item("trusted_proxies", i)), "believes every caller, who can then write any address into the log; name your web servers alone")
		}
	}
}

func (c *Config) describeCallers() string {
	switch {
	case len(c.Clients) > 0:
		return fmt.Sprintf("for %d clients, each with its key", len(c.Clients))
	case BeyondLoopback(c.Proxy.Listen):
		return "for everyone who can reach it, without a key"
	default:
		return "for the programs of this machine, without a key"
	}
}

// address says where callers find the proxy.
func (p Proxy) address() string {
	where := address(p.Listen)
	if p.TLSCert == "" {
		return where
	}
	if rest, ok := strings.CutPrefix(where, "http://"); ok {
		return "https://" + rest
	}
	return where + " for HTTPS"
}

// checkTLS reads the files of tls_cert, tls_key and tls_client_ca, so that a bad file
// is a mistake like any other.
func (t *table) checkTLS(p *Proxy) {
	switch {
	case p.TLSCert == "" && p.TLSKey != "":
		t.missing("write the certificate's file; it belongs to tls_key", "tls_cert")
	case p.TLSCert != "" && p.TLSKey == "":
		t.missing("write the key's file; it belongs to tls_cert", "tls_key")
	case p.TLSCert == "" && p.TLSClientCA != "":
		t.missing("write the certificate's file; tls_client_ca is of no use without", "tls_cert")
	case p.TLSCert != "":
		t.checkPair(p.TLSCert, p.TLSKey)
		t.warnIfOpen(t.key("tls_cert"), p.TLSCert, false)
		t.warnIfOpen(t.key("tls_key"), p.TLSKey, true)
	}
	if p.TLSCert != "" {
		t.checkCertificates("tls_client_ca", p.TLSClientCA)
	}
	t.warnIfOpen(t.key("tls_client_ca"), p.TLSClientCA, false)
}

// checkPair reports a certificate and a key that are of no use together.
func (t *table) checkPair(certPath, keyPath string) {
	cert, hasCert := t.file("tls_cert", certPath)
	if hasCert && !x509.NewCertPool().AppendCertsFromPEM(cert) {
		t.wrong("tls_cert", "has no certificate; write the path of a PEM file")
		hasCert = false
	}
	key, hasKey := t.file("tls_key", keyPath)
	if !hasCert || !hasKey {
		return
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		t.wrong("tls_key", "does not go with tls_cert: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
}
