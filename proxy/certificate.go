package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"

	"github.com/valyala/fasthttp"
)

// certificateOf returns the name in the certificate that the caller has shown, if
// any, and whose issuer is trusted.
func certificateOf(ctx *fasthttp.RequestCtx) string {
	secure, ok := ctx.Conn().(*tls.Conn)
	if !ok {
		return ""
	}
	c := callerOf(ctx)
	if c == nil {
		return ""
	}
	if !c.knowsName {
		c.knowsName = true
		if chains := secure.ConnectionState().VerifiedChains; len(chains) > 0 {
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

// errOldCertificate refuses who shook hands when other certificates counted.
var errOldCertificate = refuse(unauthenticated,
	"tls_client_ca has changed, and what this connection was opened with is not good any more; connect again with a certificate that is")

// holdTo holds a connection that was opened before a reload to what the
// configuration asks of certificates now.
func (p *Proxy) holdTo(x *exchange) error {
	c, terms := x.caller, p.config.CallersTLS
	if c == nil || c.terms == terms || c.terms == nil || terms == nil {
		return nil
	}
	secure, ok := x.ctx.Conn().(*tls.Conn)
	if !ok {
		return nil
	}
	shown := secure.ConnectionState().PeerCertificates
	switch {
	case terms.ClientAuth == tls.NoClientCert:
		c.name, c.knowsName = "", true
	case len(shown) == 0 && terms.ClientAuth < tls.RequireAnyClientCert:
	case len(shown) == 0 || !isSignedBy(terms.ClientCAs, shown):
		x.fields.close = true
		return errOldCertificate
	}
	c.terms = terms
	return nil
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
