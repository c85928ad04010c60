package config

import (
	"crypto/tls"
	"os"
	"strings"
)

// checkTLS reads the files of tls_cert, tls_key and tls_client_ca, so that a file
// that is wrong is a mistake like any other.
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
	t.warnIfOpen(t.key("tls_client_ca"), p.TLSClientCA, false)
	if err := checkCertificates(p.TLSClientCA); err != nil && p.TLSCert != "" {
		t.wrong("tls_client_ca", "%v", err)
	}
}

// checkPair reports a certificate and a key that are of no use together.
func (t *table) checkPair(certPath, keyPath string) {
	cert, certErr := os.ReadFile(certPath)
	key, keyErr := os.ReadFile(keyPath)
	if certErr != nil {
		t.wrong("tls_cert", "cannot be read: %v", withoutPath(certErr))
	} else if err := checkCertificates(certPath); err != nil {
		t.wrong("tls_cert", "%v", err)
		certErr = err
	}
	if keyErr != nil {
		t.wrong("tls_key", "cannot be read: %v", withoutPath(keyErr))
	}
	if certErr != nil || keyErr != nil {
		return
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		t.wrong("tls_key", "does not go with tls_cert: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
}
