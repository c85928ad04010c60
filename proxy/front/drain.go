package front

import (
	"context"
	"slices"
	"time"
)

// lastRequestTime is how long callers with a kept-alive connection have, when the
// proxy ends, to send one more request and be told that it was the last.
const lastRequestTime = 500 * time.Millisecond

// Drain ends the listeners without cutting a request, and waits for that at most until
// ctx ends. Connections that wait to be accepted are still served, and only those
// without a request are closed. The Handler has to see to it that every answer closes
// its connection from here on.
func Drain(ctx context.Context, listeners ...*Listener) error {
	for _, l := range listeners {
		l.drain(ctx)
	}
	lastRequests := time.NewTimer(lastRequestTime)
	defer lastRequests.Stop()
	tick := time.NewTicker(lastRequestTime / 50)
	defer tick.Stop()
	for waiting := true; waiting && anyConnected(listeners); {
		select {
		case <-tick.C:
		case <-lastRequests.C:
			waiting = false
		case <-ctx.Done():
			waiting = false
		}
	}
	for {
		for _, l := range listeners {
			l.closeIdle() // again: others have become idle meanwhile
		}
		if !anyConnected(listeners) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// anyConnected reports whether a caller is connected.
func anyConnected(listeners []*Listener) bool {
	return slices.ContainsFunc(listeners, func(l *Listener) bool { return l.Count() > 0 })
}
