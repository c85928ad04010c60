package token

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// A mistake of the programmer's in what runs in the background ends neither the
// process nor the care of the account.

// recoverFlight ends f, if that panics, as one that failed, so that all who wait
// for it are released.
func (k *Keeper) recoverFlight(f *flight) {
	cause := recover()
	if cause == nil {
		return
	}
	err := panicked(cause)
	k.logger().Error("panic while looking for a token", "err", err, "stack", string(debug.Stack()))
	select {
	case <-f.done:
	default:
		k.end(f, func(s *state) *state { return s.failed(outcome{err: err}, k.options) })
	}
	if f.release != nil {
		f.release()
	}
}

// guarded calls do, which uses the store. A panic is an error.
func guarded(do func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("using the store: %w", panicOf(cause))
		}
	}()
	return do()
}

// panicked returns what may be told of a panic while the issuer was asked.
func panicked(cause any) error {
	return fmt.Errorf("asking for a token: %w", panicOf(cause))
}

// panicOf returns what may be told of a panic: what the runtime says, but of any
// other value, which could hold a secret, only the type.
func panicOf(cause any) error {
	if err, ok := cause.(runtime.Error); ok {
		return fmt.Errorf("panic: %w", err)
	}
	return fmt.Errorf("panic with a %T", cause)
}
