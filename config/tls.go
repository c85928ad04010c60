package config

import (
	"crypto/tls"
	"crypto/x509"
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
