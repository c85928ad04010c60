package token

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// ErrStopped is why a stopped Keeper asks WeChat no more.
var ErrStopped = errors.New("the proxy is shutting down")

// ErrNotAsked is in the error of a Fetch that ended before the question was sent.
var ErrNotAsked = errors.New("the question was not sent")

// ErrUnusable is a fetch's success without a token that is valid.
var ErrUnusable = errors.New("the token in the answer has expired")

// A Refusal is WeChat, or another issuer, declining to issue a token, or a ticket.
type Refusal struct {
	Code   int    // errcode
	Reason string // errmsg, fit to be shown
	Ticket bool   // it was asked for a ticket
	API    string // of a third-party platform that was called, as "api_query_auth"; else empty
	By     string // what messages call who declines; empty: WeChat
}

// RefusedTicket returns WeChat's errcode and errmsg if it was asked for a ticket.
func (r *Refusal) RefusedTicket() (errcode int, errmsg string, ok bool) {
	return r.Code, r.Reason, r.Ticket
}

// Error implements error.
func (r *Refusal) Error() string {
	by := cmp.Or(r.By, "WeChat")
	if r.API != "" {
		return by + " refuses " + r.API + ": errcode " + strconv.Itoa(r.Code) + ": " + r.Reason
	}
	what := "token"
	if r.Ticket {
		what = "ticket"
	}
	return by + " refuses to issue a " + what + ": errcode " + strconv.Itoa(r.Code) + ": " + r.Reason
}

// Paused is why an issuer that counts failures, against all accounts of this machine, is
// left alone: nothing but time, or another secret, ends that. A fetch returns it as it
// is.
type Paused struct {
	Cause error     // a [*Refusal], unless it is about other accounts
	Until time.Time // until then the account's secret is not shown again
	Asked bool      // Cause was just answered
}

// Error implements error.
func (p *Paused) Error() string { return p.Cause.Error() }

// Unwrap returns the cause, and that the issuer was not asked, unless it was.
func (p *Paused) Unwrap() []error {
	if p.Asked {
		return []error{p.Cause}
	}
	return []error{p.Cause, ErrNotAsked}
}

// PausedUntil returns until when the issuer is not asked since it counts failures, the
// zero time if that is not so.
func (s *Status) PausedUntil(now time.Time) time.Time {
	if paused, ok := errors.AsType[*Paused](s.LastError); ok && now.Before(paused.Until) {
		return paused.Until
	}
	return time.Time{}
}

// Unavailable is why there is no token for a caller, or no ticket. It is safe to
// show.
type Unavailable struct {
	Account string        // its name
	Issuer  string        // what messages call the side that is asked; empty: WeChat
	Ticket  string        // the type of ticket that is missing; empty: the token is
	Cause   error         // what the last fetch ended with
	Why     Explanation   // of Cause
	Retry   time.Duration // until WeChat is asked again
}

// unavailable returns why there is no token now.
func (k *Keeper) unavailable(cause error, retry time.Duration) *Unavailable {
	return &Unavailable{Account: k.options.name(), Issuer: k.options.Issuer.Name, Cause: cause, Why: k.options.Issuer.Explain(cause), Retry: retry}
}

// Error says in one line what happened and what to do about it, the latter in
// English and Chinese.
func (u *Unavailable) Error() string {
	e := u.Why
	what := e.Reason
	if e.Code != 0 {
		what = fmt.Sprintf("%s answered errcode %d: %s", cmp.Or(u.Issuer, "WeChat"), e.Code, e.Reason)
	}
	return fmt.Sprintf("no %s for account %s: %s; %s (%s)", missing(u.Ticket), u.Account, what, e.Remedy, e.RemedyZH)
}

// missing names what is missing: a ticket of this type, or the token.
func missing(ticket string) string {
	if ticket == "" {
		return "access token"
	}
	return ticket + " ticket"
}

// Unwrap returns the cause.
func (u *Unavailable) Unwrap() error { return u.Cause }

// RetryAfter returns how long it is useless to ask again.
func (u *Unavailable) RetryAfter() time.Duration { return u.Retry }

// Timeout tells a caller that its wait ended before WeChat's answer came.
type Timeout struct {
	Account string        // its name
	Issuer  string        // what messages call the side that is waited for; empty: WeChat
	Ticket  string        // the type of ticket that was waited for; empty: the token was
	Waited  time.Duration // what the caller was prepared to wait
	Refused bool          // there is a token, and what its refusal means was waited for
}

// timeout returns why a caller has no token after wait.
func (k *Keeper) timeout(wait time.Duration) *Timeout {
	return &Timeout{Account: k.options.name(), Issuer: k.options.Issuer.Name, Waited: wait}
}

// settleTime is how long it takes, with time to spare, until it is known whether a token
// is dead that WeChat refuses: one that is new is looked at twice, 3 s apart, and so is
// its successor.
const settleTime = 10 * time.Second

// Error says what was waited for in vain, and what to do about it where that is not to
// ask again.
func (t *Timeout) Error() string {
	by := cmp.Or(t.Issuer, "WeChat")
	if t.Refused {
		remedy := "ask again in a moment (请稍后重试)"
		if t.Waited < settleTime {
			remedy = fmt.Sprintf("that takes seconds: set upstream.timeout to %v or more, and ask again in a moment (请将 upstream.timeout 设为 %v 或更长，并稍后重试)", settleTime, settleTime)
		}
		return fmt.Sprintf("no %s for account %s yet in the place of the one that %s refused: whether it is dead was not settled within %v; %s",
			missing(t.Ticket), t.Account, by, t.Waited, remedy)
	}
	return fmt.Sprintf("no %s for account %s yet: %s has not answered within %v", missing(t.Ticket), t.Account, by, t.Waited)
}

// Timeout reports true, as net.Error has it.
func (t *Timeout) Timeout() bool { return true }

// RetryAfter returns how long the answer under way may still take.
func (t *Timeout) RetryAfter() time.Duration { return time.Second }

// A StuckToken says why a token that is dead cannot be replaced.
type StuckToken string

// Error implements error.
func (s StuckToken) Error() string {
	return "the token is refused, and is repeated when another is asked for: " + string(s)
}

// ErrManyFetches is the state of an account whose classic token was fetched so often
// today that rejections do not rotate it any more.
var ErrManyFetches = errors.New("500 tokens were fetched today: until midnight in Beijing a rejection rotates the token no more")

// A Limit is why WeChat is not made to replace a token now. It is safe to show.
type Limit struct {
	Account string        // its name
	Reason  string        // which limit it is
	Retry   time.Duration // until that is over
}

// Error implements error.
func (l *Limit) Error() string {
	return fmt.Sprintf("the token of account %s is not replaced: %s", l.Account, l.Reason)
}

// RetryAfter returns how long it is useless to ask again.
func (l *Limit) RetryAfter() time.Duration { return l.Retry }
