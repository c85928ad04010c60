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
	if c == nil || c.secure == nil {
		return ""
	}
	if !c.knowsName {
		c.knowsName = true
		if chains := c.secure.ConnectionState().VerifiedChains; len(chains) > 0 {
			c.name = onlyCommonName(chains[0][0].Subject)
		}
	}
	return c.name
}

// onlyCommonName returns the common name, "" if there are several: which of them
// counts is understood differently by who signs and by who reads.
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
// what terms, those of now, ask of certificates; nil: they ask nothing.
func (c *Conn) MeetsTLS(terms *tls.Config) bool {
	if c == nil || c.terms == terms || c.secure == nil || terms == nil {
		return true
	}
	shown := c.secure.ConnectionState().PeerCertificates
	switch {
	case terms.ClientAuth == tls.NoClientCert:
		c.name, c.knowsName = "", true
	case len(shown) == 0 && terms.ClientAuth < tls.RequireAnyClientCert:
	case len(shown) == 0 || !isSignedBy(terms.ClientCAs, shown):
		return false
	}
	c.terms = terms
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
