package asking

import (
	"errors"
	"net"
	"net/url"
	"strings"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// A transportError is a question that got no answer of the issuer's. It shows what
// net/http says about that, without the URL and the secret.
type transportError struct {
	issuer string
	asked  string // what was asked for, or the API of a platform that was called
	text   string
	cause  error
}

// Failed returns err, with which a question for something ended, or the call of an API
// whose name begins with api_.
func Failed(issuer, asked string, err error, credentials ...secret.Secret) error {
	_, unsent := errors.AsType[*unsentError](err)
	if withURL, ok := errors.AsType[*url.Error](err); ok {
		err = withURL.Err // the URL holds the secret
	}
	text := secret.Quote(err.Error(), credentials...)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && !isObstructed(err) {
		text = "the answer did not come in time" // net/http says which of its settings was the shortest
	}
	if unsent {
		err = NotSent(err)
	}
	return &transportError{issuer: issuer, asked: asked, text: text, cause: err}
}

// An unsentError is the end of a question for which there was no connection.
type unsentError struct{ error }

// NotSent returns err, for which a question was not sent.
func NotSent(err error) error { return &unsentError{err} }

// Unwrap returns the cause, and that there was no question to the issuer.
func (u *unsentError) Unwrap() []error { return []error{u.error, token.ErrNotAsked} }

// Error implements error.
func (t *transportError) Error() string {
	if strings.HasPrefix(t.asked, "api_") {
		return "calling " + t.issuer + "'s " + t.asked + ": " + t.text
	}
	return "asking " + t.issuer + " for a " + t.asked + ": " + t.text
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

// IsUnread reports whether err is that a secret cannot be read.
func IsUnread(err error) bool {
	_, unread := errors.AsType[*secretError](err)
	return unread
}

// Unwrap returns the cause, and that there was no question to the issuer.
func (s *secretError) Unwrap() []error { return []error{s.cause, token.ErrNotAsked} }

// CauseOf returns why there is no token, if that is what err tells, or err itself; and what
// is said of it already by who knows of what it is, if anybody does.
func CauseOf(err error) (said token.Explanation, cause error) {
	for unavailable, ok := errors.AsType[*token.Unavailable](err); ok; unavailable, ok = errors.AsType[*token.Unavailable](err) {
		if unavailable.Why.Class != "" {
			return unavailable.Why, nil
		}
		err = unavailable.Cause // for want of a token there is no ticket
	}
	return token.Explanation{}, err
}
