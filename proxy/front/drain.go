package front

import (
	"context"
	"slices"
	"time"
)

// lastRequestTime is how long callers with a kept-alive connection have, when the
// proxy ends, to send one more request and be told that it was the last.
const lastRequestTime = 500 * time.Millisecond

// cutTime is how long requests whose bodies are cut have at most to be refused and logged.
const cutTime = 500 * time.Millisecond

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

// UnderWay returns how many requests are under way, with those whose answer is being
// written.
func UnderWay(listeners ...*Listener) int { return len(underWay(listeners)) }

// Cut ends what can be ended of the requests that are still under way when the time to
// drain is over, so that each can be told of before the process ends: bodies that are being
// read fail, and what OnCut was told is done for answers. It waits for cutTime at most
// until the former are refused.
func Cut(listeners ...*Listener) {
	read := slices.DeleteFunc(underWay(listeners), func(c *Conn) bool { return !c.cut() })
	for end := time.Now().Add(cutTime); slices.ContainsFunc(read, func(c *Conn) bool { return !c.closing.Load() }) && time.Now().Before(end); {
		time.Sleep(cutTime / 100)
	}
}

// underWay returns the connections that have a request.
func underWay(listeners []*Listener) (all []*Conn) {
	for _, l := range listeners {
		l.mu.Lock()
		for c := range l.callers {
			if c.phase.get() != phaseIdle && !c.closing.Load() {
				all = append(all, c)
			}
		}
		l.mu.Unlock()
	}
	return all
}

// cut cuts the request of a connection, and reports whether its body was being read.
func (c *Conn) cut() bool {
	c.isCut.Store(true)
	if do := c.onCut.Swap(nil); do != nil {
		(*do)()
		c.resetAtClose() // the caller must not take the end for a good one
	}
	if c.body.get() == bodyNone {
		return false
	}
	waits := c.Conn
	if c.direct != nil {
		waits = c.direct.Conn // the rest of it belongs to the goroutine that reads
	}
	return waits.SetReadDeadline(time.Now()) == nil
}
