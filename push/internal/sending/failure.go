package sending

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
)

// errURL does not quote the URL, which may have a password.
var errURL = errors.New("the url is neither http, https nor unix:PATH:/path")

// A Failure is why a program did not take a push. It never quotes the push, the program's
// answer or the URL.
type Failure struct {
	Words string
	Late  bool // whether there was no answer in time
}

// Error implements error.
func (f *Failure) Error() string { return f.Words }

// explain returns the failure that err stands for. Errors of package http may quote what
// the program sent.
func explain(ctx context.Context, err error) error {
	var timeout net.Error
	if ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return &Failure{Words: "the program did not answer in time", Late: true}
	}
	var dialled *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return &Failure{Words: "the program's certificate is not trusted: " + certificate.Err.Error()}
	case errors.As(err, &dialled) && dialled.Op == "dial":
		return &Failure{Words: "the program cannot be reached: " + dialled.Err.Error()}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &dialled):
		return &Failure{Words: "the program closed the connection before it had answered"}
	}
	return &Failure{Words: "the program's answer is not HTTP"}
}
