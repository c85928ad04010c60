package asking

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// A Trouble is why there is no answer of an issuer's, or none that it documents.
type Trouble int

// The Troubles.
const (
	Other          Trouble = iota // none of the following
	Shortage                      // this machine lacks descriptors, ports or memory
	Unreadable                    // the secret cannot be read
	Stopped                       // the process is about to end
	Strange                       // the answer is not what is documented
	UnknownHost                   // DNS does not know the host
	Late                          // the answer did not come in time
	Untrusted                     // there is no trusted TLS connection
	Unreachable                   // there is no connection
	LostConnection                // it ended before the answer came
	Obstructed                    // a proxy on the way is why; HelpOf has what helps
)

// TroubleOf returns why err ended a fetch in another way than with a refusal.
func TroubleOf(err error) Trouble {
	var (
		dns     *net.DNSError
		timeout interface{ Timeout() bool }
		dial    *net.OpError
		bad     Bad
		short   interface{ Shortage() string }
	)
	switch {
	case errors.As(err, &short):
		return Shortage
	case IsUnread(err):
		return Unreadable
	case errors.Is(err, token.ErrStopped), errors.Is(err, context.Canceled):
		return Stopped
	case errors.As(err, &bad), errors.Is(err, token.ErrUnusable):
		return Strange
	case isObstructed(err):
		return Obstructed
	case errors.As(err, &dns):
		return UnknownHost
	case errors.As(err, &timeout) && timeout.Timeout():
		return Late
	case isTLS(err):
		return Untrusted
	case errors.Is(err, syscall.ECONNREFUSED), errors.As(err, &dial) && dial.Op == "dial":
		return Unreachable
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &dial), isClosed(err):
		return LostConnection
	}
	return Other
}

// isClosed reports whether the issuer closed the connection before the question was written,
// for which net/http has an error without a name.
func isClosed(err error) bool {
	return strings.HasSuffix(err.Error(), "http: server closed idle connection")
}

// isObstructed reports whether what stands on the way says that it has kept the question
// from being asked.
func isObstructed(err error) bool {
	en, _ := HelpOf(err)
	return en != ""
}

// HelpOf returns what helps, in English and Chinese, as what stands on the way to the
// issuer knows best; nothing, if it is not why.
func HelpOf(err error) (en, zh string) {
	var knowing interface{ Remedies() (en, zh string) }
	if !errors.As(err, &knowing) {
		return "", ""
	}
	return knowing.Remedies()
}

// isTLS reports whether err ended a TLS handshake: neither side trusts the other
// unasked, or the other end does not speak TLS at all.
func isTLS(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		alert       *net.OpError
	)
	return errors.As(err, &certificate) || errors.Is(err, http.ErrSchemeMismatch) ||
		errors.As(err, &alert) && alert.Op == "remote error"
}

// Reason returns what an error says, no longer than a quotation: cut before the first of
// several hosts that does not fit, rather than in it.
func Reason(err error) string {
	quoted := secret.Quote(err.Error())
	if before, isCut := strings.CutSuffix(quoted, "…"); isCut {
		if end := strings.LastIndex(before, "; http"); end > 0 {
			return before[:end] + "; …"
		}
	}
	return quoted
}
