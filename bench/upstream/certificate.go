//go:build linux

package upstream

import (
	"crypto/tls"
	"fmt"

	"wxproxy/internal/wechattest"
)

// NewTLS returns a configuration with a new certificate for 127.0.0.1, and the
// certificate in PEM, for clients that are to trust it.
func NewTLS() (*tls.Config, []byte, error) {
	certificate, ca, err := wechattest.NewCertificate()
	if err != nil {
		return nil, nil, fmt.Errorf("making a certificate: %w", err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{certificate},
		// Short answers in one record and one segment, as from a server in C.
		DynamicRecordSizingDisabled: true,
	}, ca, nil
}
