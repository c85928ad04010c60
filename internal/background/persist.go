// Package background runs loops that have to go on as long as the process does, and work
// that nobody waits for.
package background

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"
)

// Persist calls do, and again a moment after it has panicked, until ctx ends. The
// panic's value is not logged: it could hold a secret.
func Persist(ctx context.Context, log *slog.Logger, do func(context.Context)) {
	for ctx.Err() == nil {
		if !panics(ctx, log, do) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func panics(ctx context.Context, log *slog.Logger, do func(context.Context)) (panicked bool) {
	defer func() {
		if panicked = recover() != nil; panicked {
			log.Error("panic in the background; it begins again", "stack", string(debug.Stack()))
		}
	}()
	do(ctx)
	return false
}
