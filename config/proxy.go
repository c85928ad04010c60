package config

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"time"

	"wxproxy/config/internal/address"
	"wxproxy/config/internal/expiry"
	"wxproxy/config/internal/parse"
	"wxproxy/internal/language"
	"wxproxy/internal/origin"
)

func (l *loader) readProxy(t *table) {
	t.readSettings()

	p := &l.cfg.Proxy
	t.checkTLS(p)
	t.checkListen(p.Listen)
	t.checkTrusted(p.TrustedProxies)
	for i, name := range p.Hosts {
		if name == "" || !address.IsHost(name) {
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
				return 0, language.Phrase("must not be negative")
			}
			return 0, nil
		}
		d, err := parse.Duration(value)
		if d > longestDelay {
			return 0, language.Textf("must be at most %s", short(longestDelay))
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
		t.checkPair(p)
		t.warnIfOpen(t.key("tls_cert"), p.TLSCert, false)
		t.warnIfOpen(t.key("tls_key"), p.TLSKey, true)
	}
	if p.TLSCert != "" {
		t.checkAuthorities("tls_client_ca", p.TLSClientCA)
	}
	if p.TLSClientAuth == "optional" && p.TLSClientCA == "" {
		t.missing(`write the file of the CA whose certificates may be shown; tls_client_auth = "optional" is of no use without`, "tls_client_ca")
	}
	t.warnIfOpen(t.key("tls_client_ca"), p.TLSClientCA, false)
}

// checkPair reports a certificate and a key that are of no use together.
func (t *table) checkPair(p *Proxy) {
	cert, hasCert := t.certificates("tls_cert", p.TLSCert)
	key, hasKey := t.file("tls_key", p.TLSKey)
	if !hasCert || !hasKey {
		return
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		t.wrong("tls_key", "does not go with tls_cert: %s", strings.TrimPrefix(err.Error(), "tls: "))
		return
	}
	t.addCertificate("tls_cert", cert, expiry.First(cert))
}

// A Certificate is a file with certificates, as far as their end goes.
type Certificate struct {
	Setting string            // as "proxy.tls_cert"
	Expires time.Time         // when the file is of no use any more
	public  [sha256.Size]byte // stands for the certificates in it
	where   string            // the file of the configuration that has it
	renew   time.Time         // when it should have been renewed
}

// certificates returns what a file of certificates holds, and reports one that has
// none.
func (t *table) certificates(key, path string) (data []byte, ok bool) {
	data, ok = t.file(key, path)
	if ok && !x509.NewCertPool().AppendCertsFromPEM(data) {
		t.wrong(key, "has no certificate; write the path of a PEM file")
		ok = false
	}
	return data, ok
}

// checkAuthorities reports a file of certificates that others are to be signed by and
// that has none.
func (t *table) checkAuthorities(key, path string) {
	if path == "" {
		return
	}
	if data, ok := t.certificates(key, path); ok {
		t.addCertificate(key, data, expiry.Last(data))
	}
}

// addCertificate keeps when the certificates of a file end, and remarks on it if that
// is soon.
func (t *table) addCertificate(key string, data []byte, end expiry.End) {
	where, name := t.whereabouts(t.key(key))
	c := Certificate{Setting: name, Expires: end.At, public: fingerprint(data), where: where, renew: end.Renew}
	t.cfg.Certificates = append(t.cfg.Certificates, c)
	if remark, due := c.remark(time.Now()); due {
		t.cfg.remarks = append(t.cfg.remarks, remark)
	}
}

// fingerprint returns what stands for the certificates of a file in PEM, without a key
// that may be among them.
func fingerprint(data []byte) [sha256.Size]byte {
	sum := sha256.New()
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			sum.Write(block.Bytes)
		}
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

// Fingerprint returns what stands for the certificates in the file that a setting such as
// "proxy.tls_cert" names; empty if it names none.
func (c *Config) Fingerprint(setting string) string {
	for _, certificate := range c.Certificates {
		if certificate.Setting == setting {
			return hex.EncodeToString(certificate.public[:])
		}
	}
	return ""
}

// Remark returns what is to be said of the certificate at now; nothing if it need not be
// renewed yet.
func (c Certificate) Remark(now time.Time) string {
	if remark, due := c.remark(now); due {
		return remark.Error()
	}
	return ""
}

func (c Certificate) remark(now time.Time) (remark Problem, due bool) {
	left, end := c.Expires.Sub(now), c.Expires.UTC().Format("2006-01-02 15:04 UTC")
	text := language.Textf("the certificate expires on %s, in %d days; renew it", end, int(left/(24*time.Hour)))
	if left <= 0 {
		text = language.Textf("the certificate has expired, on %s; renew it", end)
	}
	return Problem{Where: c.where, Key: c.Setting, Text: text}, !now.Before(c.renew)
}
