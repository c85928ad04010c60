package front

import (
	"context"
	"slices"
	"time"
)

// lastRequestTime is how long callers with a kept-alive connection have, when the
// proxy ends, to send one more request and be told that it was the last.
const lastRequestTime = 500 * time.Millisecond

// Drain ends the listeners without cutting a request, and waits for that at most
// until ctx ends: nobody new is accepted but those who wait already, and only
// connections without a request are closed. That every answer closes its connection
// from here on is the Handler's to see to.
func Drain(ctx context.Context, listeners ...*Listener) error {
	for _, l := range listeners {
		l.drain(ctx)
	}
	patience := time.NewTimer(lastRequestTime)
	defer patience.Stop()
	look := time.NewTicker(lastRequestTime / 50)
	defer look.Stop()
	for waiting := true; waiting && anyConnected(listeners); {
		select {
		case <-look.C:
		case <-patience.C:
			waiting = false
		case <-ctx.Done():
			waiting = false
		}
	}
	for {
		for _, l := range listeners {
			l.closeIdle() // also who came to rest meanwhile
		}
		if !anyConnected(listeners) {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// anyone reports whether a caller is connected.
func anyConnected(listeners []*Listener) bool {
	return slices.ContainsFunc(listeners, func(l *Listener) bool { return l.Count() > 0 })
}
