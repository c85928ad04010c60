package front

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
)

// CommonName returns the name in the certificate that the caller has shown, "" if
// there is none, or its issuer is not trusted.
func (c *Conn) CommonName() string {
	if c == nil {
		return ""
	}
	return c.name
}

// shownName returns the common name in the certificate of a handshake's other side,
// "" without one.
func shownName(handshake tls.ConnectionState) string {
	if chains := handshake.VerifiedChains; len(chains) > 0 {
		return onlyCommonName(chains[0][0].Subject)
	}
	return ""
}

// onlyCommonName returns the common name, "" if there are several: authorities and
// readers do not agree which of them counts.
func onlyCommonName(subject pkix.Name) (name string) {
	names := 0
	for _, attribute := range subject.Names {
		if attribute.Type.Equal(asn1.ObjectIdentifier{2, 5, 4, 3}) {
			names++
			name, _ = attribute.Value.(string)
		}
	}
	if names > 1 {
		return ""
	}
	return name
}

// MeetsTLS reports whether a connection that may have been opened before a reload is
// what now, the configuration of today, asks of certificates; nil: it asks nothing.
func (c *Conn) MeetsTLS(now *tls.Config) bool {
	if c == nil || c.tlsConfig == now || c.secure == nil || now == nil {
		return true
	}
	shown := c.secure.ConnectionState().PeerCertificates
	switch {
	case now.ClientAuth == tls.NoClientCert:
		c.name = ""
	case len(shown) == 0 && now.ClientAuth == tls.VerifyClientCertIfGiven: // a key proves who the caller is
	case len(shown) == 0 || !isSignedBy(now.ClientCAs, shown):
		return false
	}
	c.tlsConfig = now
	return true
}

// isSignedBy reports whether roots vouch for a chain as it was shown.
func isSignedBy(roots *x509.CertPool, shown []*x509.Certificate) bool {
	between := x509.NewCertPool()
	for _, certificate := range shown[1:] {
		between.AddCert(certificate)
	}
	_, err := shown[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err == nil
}
