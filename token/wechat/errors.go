package wechat

import (
	"errors"
	"net"
	"net/url"
	"strings"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// A transportError is a question that got no answer of WeChat's. It shows what
// net/http says about that, without the URL and the secret.
type transportError struct {
	asked string // what WeChat was asked for, or the API of a platform that was called
	text  string
	cause error
}

func newTransportError(asked string, err error, credentials ...secret.Secret) error {
	_, unsent := errors.AsType[*unsentError](err)
	if withURL, ok := errors.AsType[*url.Error](err); ok {
		err = withURL.Err // the URL holds the secret
	}
	text := secret.Quote(err.Error(), credentials...)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		text = "the answer did not come in time" // net/http says which of its settings was the shortest
	}
	if unsent {
		err = &unsentError{err}
	}
	return &transportError{asked: asked, text: text, cause: err}
}

// An unsentError is the end of a question for which there was no connection.
type unsentError struct{ error }

// Unwrap returns the cause, and that there was no question to WeChat.
func (u *unsentError) Unwrap() []error { return []error{u.error, token.ErrNotAsked} }

// Error implements error.
func (t *transportError) Error() string {
	if strings.HasPrefix(t.asked, "api_") {
		return "calling WeChat's " + t.asked + ": " + t.text
	}
	return "asking WeChat for a " + t.asked + ": " + t.text
}

// Unwrap returns the cause, to be examined but not printed.
func (t *transportError) Unwrap() error { return t.cause }

// A secretError is an AppSecret that cannot be read.
type secretError struct{ cause error }

// Error implements error.
func (s *secretError) Error() string { return "reading the secret: " + secret.Quote(s.cause.Error()) }

// Unread returns err, for which an AppSecret cannot be read, as the error of a fetch that
// needs it.
func Unread(err error) error { return &secretError{err} }

// Unwrap returns the cause, and that there was no question to WeChat.
func (s *secretError) Unwrap() []error { return []error{s.cause, token.ErrNotAsked} }
