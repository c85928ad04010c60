package upstream

import "errors"

// Reasons for which there is no answer. ErrLeftQueue and ErrLeftAnswer both say that the
// caller left, but before anything was sent and after an answer had begun.
var (
	// ErrUnreachable: no connection could be established, nothing was sent.
	ErrUnreachable = errors.New("the upstream cannot be reached")
	// ErrBroken: the connection ended, or made no sense, before the answer did.
	ErrBroken = errors.New("the connection to the upstream broke before its answer was complete")
	// ErrTimeout: the answer did not come in time.
	ErrTimeout = errors.New("the upstream did not answer in time")
	// ErrBusy: every connection stayed in use.
	ErrBusy = errors.New("every connection to the upstream is in use")
	// ErrLeftQueue: the caller left while its request waited for a connection.
	ErrLeftQueue = errors.New("the caller left before its request was sent")
	// ErrLeftAnswer: the caller left while the answer was passed on.
	ErrLeftAnswer = errors.New("the caller left before the answer was complete")
)

// A ThroughProxyError is why there is no answer, or none that is whole, to a request that went
// through a proxy: nobody can see which of both has cut the connection.
type ThroughProxyError struct {
	Proxy string // host and port
	Err   error
}

// Error implements error.
func (e *ThroughProxyError) Error() string { return e.Err.Error() + e.words() }

func (e *ThroughProxyError) words() string { return " (through the proxy " + e.Proxy + ")" }

// Between returns what is said, behind what err tells, of the proxy on the way, and what
// helps; nothing, if there is none.
func Between(err error) (words, remedy string) {
	if by, ok := errors.AsType[*ThroughProxyError](err); ok {
		return by.words(), "; the proxy may cut connections: if it lasts, ask those who run it"
	}
	return "", ""
}

// Unwrap returns the error without the proxy.
func (e *ThroughProxyError) Unwrap() error { return e.Err }

// through returns err, with which an exchange over the way ended, with the way's proxy.
func (w *way) through(err error) error {
	if w == nil || err == nil || !errors.Is(err, ErrBroken) {
		return err
	}
	return &ThroughProxyError{w.proxy.Address(), err}
}

// What an ErrBroken may hold, and other ends of an exchange that Hosts handle.
var (
	// errStale: a kept-alive connection was closed before anything of an answer came.
	errStale = errors.New("the kept-alive connection was closed")
	// errSwitched: the answer changes the protocol, for which no request asks.
	errSwitched = errors.New("the upstream switched protocols")
	// errInterim: there are more than maxInterim interim answers.
	errInterim = errors.New("the upstream sends interim answers without an end")
	// errLongHead: the head of the answer is longer than maxHead.
	errLongHead = errors.New("the head of the answer is too long")
	// errAnswered: WeChat has refused an upload, which goes no further.
	errAnswered = errors.New("the upstream refused the request before it was complete")
	// errCut: the connection ended before the body did.
	errCut = errors.New("the answer was cut")
	// errOver: the body was read after its end.
	errOver = errors.New("the answer is over")
)
