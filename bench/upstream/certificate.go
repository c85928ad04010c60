//go:build linux

package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"wxproxy/internal/wechattest"
)

// NewTLS returns a configuration with a new certificate for 127.0.0.1, the certificate in
// PEM, for clients that are to trust it, and its key.
func NewTLS() (config *tls.Config, ca, key []byte, err error) {
	certificate, ca, err := wechattest.NewCertificate()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("making a certificate: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("making a certificate: %w", err)
	}
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return &tls.Config{
		Certificates: []tls.Certificate{certificate},
		// Short answers in one record and one segment, as from a server in C.
		DynamicRecordSizingDisabled: true,
	}, ca, key, nil
}
