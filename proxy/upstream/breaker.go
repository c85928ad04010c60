package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// A condition is how a host is, until it changes.
type condition struct {
	down   bool
	since  time.Time
	reason string        // why it is down
	mute   bool          // namely because it does not answer: to connect to it proves nothing
	over   chan struct{} // closed when the host is in another condition
}

// isDown reports whether the last attempt to connect failed, or the last requests
// were left without an answer.
func (h *host) isDown() bool { return h.condition.Load().down }

// change puts the host into the condition after, unless it has left before
// already.
func (h *host) change(before, after *condition) bool {
	if !h.condition.CompareAndSwap(before, after) {
		return false
	}
	close(before.over)
	return true
}

// goDown says that the host, which was up before, is of no use: no request
// is sent to it, and no idle connection is kept, until the watcher has reached
// it or all hosts are down.
func (h *host) goDown(before *condition, reason error) {
	after := &condition{down: true, since: time.Now(), reason: reason.Error(), mute: errors.Is(reason, errMute), over: make(chan struct{})}
	if before.down || !h.change(before, after) {
		return
	}
	h.limit.Log.Warn("upstream host is down", "host", h.url, "err", reason)
	h.idle.trim(0)
	select {
	case h.fell <- struct{}{}:
	default: // the watcher knows already
	}
}

// comeUp says that the host, which was down before, was reached.
func (h *host) comeUp(before *condition) {
	after := &condition{since: time.Now(), over: make(chan struct{})}
	if before.down && h.change(before, after) {
		h.limit.Log.Info("upstream host is up again", "host", h.url, "down_for", after.since.Sub(before.since).Round(time.Millisecond).String())
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
			h.addresses.renew(ctx, h.limit.ConnectTimeout)
		case <-h.fell:
			if time.Since(cameUp) > steady {
				probes = 0
			}
			probes = h.probe(ctx, probes)
			cameUp = time.Now()
		}
	}
}

// probe connects to the host, with ever longer pauses, until it is up or ctx
// ends. Nothing of HTTP is sent, unless it is down since it does not answer. It
// returns how many probes there were, with those before.
func (h *host) probe(ctx context.Context, before int) (probes int) {
	probes = before
	for now := h.condition.Load(); now.down && now == h.condition.Load(); {
		pause := time.NewTimer(probeAfter(probes, rand.Float64()))
		select {
		case <-pause.C:
			probes++
			h.addresses.renew(ctx, h.limit.ConnectTimeout)
			if c, err := h.connect(ctx); err == nil {
				h.listen(ctx, c, now)
			}
		case <-now.over: // a request has reached it
		case <-ctx.Done():
			return probes
		}
		pause.Stop()
	}
	return probes
}

const (
	firstProbe = 250 * time.Millisecond // after a host went down
	maxProbe   = 4 * time.Second        // between two probes

	// steady is how long a host has to be up for the next probe to come as
	// early as the first.
	steady = 10 * time.Second
)

// probeAfter returns how long to wait before the next probe after so many, less
// up to a fifth as jitter. random is in [0,1).
func probeAfter(failures int, random float64) time.Duration {
	pause := min(firstProbe<<min(failures, 10), maxProbe)
	return pause - time.Duration(random*float64(pause)/5)
}
