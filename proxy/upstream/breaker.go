package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// A state says whether requests are sent to a host, and if not, what would show that
// they can be again.
type state uint8

const (
	up           state = iota
	unreachable        // no connection came about: one that does shows that the host is up
	unresponsive       // it takes connections and leaves requests without an answer: only an answer shows that it is up
)

// A condition is the state of a host from one change to the next.
type condition struct {
	state  state
	since  time.Time
	reason string        // why the host is down
	cause  error         // the same, for those whose attempt to connect it ended
	over   chan struct{} // closed when the host is in another condition
}

func (c *condition) isDown() bool { return c.state != up }

// isDown reports whether the last attempt to connect failed, or the last requests
// were left without an answer.
func (h *host) isDown() bool { return h.now().isDown() }

// change puts the host into the condition after, and reports whether it was in the
// condition before until then.
func (h *host) change(before, after *condition) bool {
	if !h.condition.CompareAndSwap(before, after) {
		return false
	}
	close(before.over)
	return true
}

// goDown takes the host, which was up before, out of use for that reason: no idle
// connection is kept, and no request is sent to it until the watcher has reached it or
// all hosts are down.
func (h *host) goDown(before *condition, reason error) {
	after := &condition{state: unreachable, since: time.Now(), reason: reason.Error(), cause: reason, over: make(chan struct{})}
	if errors.Is(reason, errUnresponsive) {
		after.state = unresponsive
	}
	if !h.isNews(before, reason) || !h.change(before, after) {
		return
	}
	h.tell(after)
	h.idle.trim(0)
	select {
	case h.wentDown <- struct{}{}:
	default: // the watcher knows already
	}
}

// comeUp brings the host, which was down before, back into use.
func (h *host) comeUp(before *condition) {
	after := &condition{since: time.Now(), over: make(chan struct{})}
	if before.isDown() && h.change(before, after) {
		h.config.Log.Info("upstream host is up again", "host", h.url, "down_for", after.since.Sub(before.since).Round(time.Millisecond).String())
	}
}

// watch brings the host back after it went down, and keeps its addresses up to
// date, until ctx ends.
func (h *host) watch(ctx context.Context) {
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	probes, cameUp := 0, time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			h.addresses.renew(ctx, h.config.ConnectTimeout)
		case <-h.wentDown:
			if time.Since(cameUp) > steady {
				probes = 0
			}
			probes = h.probe(ctx, probes)
			cameUp = time.Now()
		}
	}
}

// probe connects to the host, with ever longer pauses, until it is up or ctx ends. It
// sends a request only to a host that is unresponsive. It returns how many probes there
// were, those before included.
func (h *host) probe(ctx context.Context, before int) (probes int) {
	probes = before
	for now := h.condition.Load(); now.isDown() && now == h.condition.Load(); {
		pause := time.NewTimer(probeAfter(probes, rand.Float64()))
		select {
		case <-pause.C:
			probes++
			h.probeOnce(ctx, now)
		case <-now.over: // a request has reached it
		case <-ctx.Done():
			return probes
		}
		pause.Stop()
	}
	return probes
}

// probeOnce connects to the host, which is down, and brings it back into use if that,
// or the answer of one that was unresponsive, shows that it can be used.
func (h *host) probeOnce(ctx context.Context, now *condition) {
	h.addresses.renew(ctx, h.config.ConnectTimeout)
	c, err := h.connect(ctx)
	if err != nil {
		return
	}
	if now.state == unresponsive && h.answersProbe(ctx, c) {
		h.comeUp(now)
	}
	c.Close()
}

const (
	firstProbe = 250 * time.Millisecond // after a host went down
	maxProbe   = 4 * time.Second        // between two probes

	// steady is how long a host has to be up for the pauses to begin anew when it
	// goes down again.
	steady = 10 * time.Second
)

// probeAfter returns how long to wait before the next probe after so many that failed,
// less up to a fifth as jitter. random is in [0,1).
func probeAfter(failures int, random float64) time.Duration {
	pause := min(firstProbe<<min(failures, 10), maxProbe)
	return pause - time.Duration(random*float64(pause)/5)
}
