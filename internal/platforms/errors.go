package platforms

import (
	"context"
	"errors"
	"time"

	"wxproxy/token"
)

// A problem is an error that tells the proxy what its caller gets.
type problem struct{ error }

// inWords returns err as a problem; nil stays nil.
func inWords(err error) error {
	if err == nil {
		return nil
	}
	return problem{err}
}

// Unwrap returns what is wrong.
func (p problem) Unwrap() error { return p.error }

// NotAuthorized reports whether an account has not, or no longer, authorized the platform.
func (p problem) NotAuthorized() bool { return errors.Is(p.error, token.ErrNotAuthorized) }

// NoTicket reports whether the platform has no usable component_verify_ticket.
func (p problem) NoTicket() bool { return errors.Is(p.error, token.ErrNoTicket) }

// RefusedCall returns WeChat's own answer to the call, but not one to the platform's question
// for its token.
func (p problem) RefusedCall() (errcode int, errmsg string, ok bool) {
	refusal, isRefused := errors.AsType[*token.Refusal](p.error)
	if _, isOfToken := errors.AsType[*token.Unavailable](p.error); !isRefused || isOfToken {
		return 0, "", false
	}
	return refusal.Code, refusal.Reason, true
}

// callAgain is how soon a call that went wrong may be made again.
const callAgain = time.Second

// A failedCall is a call of WeChat's that brought no answer.
type failedCall struct{ problem }

// Error says what the caller may do.
func (f failedCall) Error() string {
	if errors.Is(f.error, context.DeadlineExceeded) {
		return "WeChat did not answer in time; ask again (微信未及时应答，请重试)"
	}
	return "WeChat was asked and gave no good answer: " + f.error.Error()
}

// RetryAfter returns how long it is useless to ask again.
func (f failedCall) RetryAfter() time.Duration { return callAgain }

// ofCall returns the error of a call as a problem: that of WeChat's refusal and that of the
// platform's token as they are.
func ofCall(err error) error {
	if err == nil {
		return nil
	}
	p := problem{err}
	var later interface {
		error
		RetryAfter() time.Duration
	}
	if _, _, isRefused := p.RefusedCall(); isRefused || p.NoTicket() || p.NotAuthorized() || errors.As(err, &later) {
		return p
	}
	return failedCall{p}
}

// An unread is why nobody can tell whether an account has authorized a platform.
type unread struct {
	problem
	words string
}

// Error says so, and what to do about it.
func (u unread) Error() string { return u.words }

// RetryAfter returns how long it is useless to ask again.
func (u unread) RetryAfter() time.Duration { return callAgain }
