package upstream

import "errors"

// Reasons for which an Upstream has no answer.
var (
	// ErrUnreachable: no connection could be established, nothing was sent.
	ErrUnreachable = errors.New("WeChat cannot be reached")
	// ErrBroken: the connection ended, or made no sense, before the answer did.
	ErrBroken = errors.New("the connection to WeChat broke before its answer was complete")
	// ErrTimeout: the answer did not come in time.
	ErrTimeout = errors.New("WeChat did not answer in time")
	// ErrBusy: every connection stayed in use.
	ErrBusy = errors.New("every connection to WeChat is in use")
	// ErrLeftQueue: the caller left while every connection was in use.
	ErrLeftQueue = errors.New("the caller left before its request was sent")
)

// ErrLeftAnswer says that the caller left while its answer was passed on. Nobody who
// waits for a connection is meant: that is ErrLeftQueue.
var ErrLeftAnswer = errors.New("the caller left before the answer was complete")
