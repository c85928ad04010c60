package front

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"

	"wxproxy/internal/lograte"
)

// errNoTLS is that a reload has turned TLS off for a listener that began with it.
var errNoTLS = errors.New("there is no certificate of the proxy's")

// maxHandshakeReasons is how many reasons the log tells apart, which are all that
// handshakeFailure can return, but for the alerts that hardly anybody sends.
const maxHandshakeReasons = 20

func newHandshakeLines(log *slog.Logger) *lograte.Lines {
	return lograte.NewLines(maxHandshakeReasons, func(count int) {
		log.Warn("TLS handshakes failed that have no line of their own", "count", count)
	})
}

// noteHandshake has the log say why a TLS handshake failed, once a minute for each reason:
// who calls over TLS gets no other answer than an alert. Who has sent nothing, such as a
// load balancer that looks whether the port is open, has asked for no handshake.
func (f *front) noteHandshake(c *Conn, err error) {
	if c.stage == stageSilent {
		return
	}
	reason := handshakeFailure(err)
	f.handshakes.Note(reason, func(count int) {
		f.log.Warn("a TLS handshake failed", "reason", reason, "address", addressOf(c), "count", count)
	})
}

// addressOf returns the other end of a connection, without the port.
func addressOf(c *Conn) string {
	address := c.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return "unix socket"
}

// callerEnded is why most handshakes fail that the proxy would have gone on with.
const callerEnded = "the caller ended it, maybe because it does not trust tls_cert"

// handshakeFailure says in fixed words why a handshake failed: the error may quote what
// the caller sent.
func handshakeFailure(err error) string {
	var record tls.RecordHeaderError
	var verification *tls.CertificateVerificationError
	var network *net.OpError
	switch {
	case errors.As(err, &record):
		return notTLS(record.RecordHeader)
	case errors.As(err, &verification):
		return badCertificate(verification.Err)
	case errors.As(err, &network) && network.Op == "remote error":
		return callerEnded + ": " + network.Err.Error() // an alert: a number, or its name
	case strings.Contains(err.Error(), "bad record MAC"):
		return callerEnded // by an alert of OpenSSL's, which in TLS 1.3 sends it before its keys are in use
	case strings.Contains(err.Error(), "didn't provide a certificate"):
		return "the caller has shown no certificate, and tls_client_auth is \"require\""
	case strings.Contains(err.Error(), "offered only unsupported versions"):
		return "the caller offers only versions of TLS before 1.2"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "the caller did not go on in time"
	}
	return "the caller left, or what it sent is no handshake that can be answered"
}

// notTLS says what a caller speaks that does not begin as TLS does.
func notTLS(begin [5]byte) string {
	switch string(begin[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH":
		return "the caller speaks plain HTTP; its URL must begin with https://"
	}
	return "the caller does not speak TLS"
}

// badCertificate says why the certificate that a caller has shown is not good.
func badCertificate(err error) string {
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the caller's certificate has expired, or is not valid yet"
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return "the caller's certificate is not one for clients (extended key usage clientAuth)"
	case errors.As(err, &authority):
		return "the caller's certificate is of another CA than tls_client_ca"
	}
	return "the caller's certificate is not good"
}
