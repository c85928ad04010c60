package upstream

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/internal/egress"
)

// A way leads to hosts through one proxy. Without one, a nil way leads to a host directly.
type way struct {
	proxy *egress.Proxy
	fault atomic.Pointer[condition] // of the host that has found out why the proxy leads nowhere; nil: it does

	mu      sync.Mutex // guards what follows
	refused int        // how many times in a row the proxy did not accept the password
	until   time.Time  // when it may be shown again
	cause   error      // what the proxy said
	late    *host      // whose connection the proxy was late with, the last that it was asked for; nil: it was not
}

// wayTo returns the way to a host: the one to another host, if it is the same.
func (h *Hosts) wayTo(u *url.URL) *way {
	if h.config.Proxy == nil {
		return nil
	}
	proxy := h.config.Proxy(u)
	if proxy == nil {
		return nil
	}
	for _, other := range h.hosts {
		if other.way != nil && other.way.proxy.Is(proxy) {
			return other.way
		}
	}
	return &way{proxy: proxy.Trusting(h.config.Roots)}
}

// goBy has the host be connected to by a way. Behind a proxy its own name is not looked
// up: maybe nobody but the proxy knows it.
func (h *host) goBy(w *way) {
	if h.way = w; w != nil {
		h.addresses = addresses{name: w.proxy.Host(), lookup: h.config.Lookup}
	}
}

// now returns the host's condition: that of the way, if nothing gets through there.
func (h *host) now() *condition {
	now := h.condition.Load()
	if h.way != nil && !now.isDown() {
		return cmp.Or(h.way.fault.Load(), now)
	}
	return now
}

// dialPaced is dial, unless the proxy has just refused the password: whoever shows wrong
// ones too often is locked out.
func (h *host) dialPaced(ctx context.Context, now *condition) (*conn, error) {
	if h.way == nil {
		return h.dial(ctx, now)
	}
	if err := h.way.pause(time.Now()); err != nil {
		return nil, err
	}
	c, err := h.dial(ctx, now)
	err = h.way.suspect(h, now, err)
	h.way.learn(err, time.Now())
	return c, err
}

// longestPause is the longest time for which a password is not shown that was refused.
const longestPause = time.Minute

// pause returns why nobody asks the proxy now, nil if somebody may.
func (w *way) pause(now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cause == nil || now.Before(w.until) {
		return w.cause
	}
	w.until = now.Add(pauseAfter(w.refused)) // for the others
	return nil
}

// pauseAfter returns for how long a password is not shown that was refused so many times.
func pauseAfter(refused int) time.Duration {
	return min(time.Second<<min(refused, 10), longestPause)
}

// learn takes into account how asking the proxy ended, unless that says nothing of it: nobody
// waited any more, or this machine could not ask.
func (w *way) learn(err error, now time.Time) {
	if _, isShort := asShortage(err); isShort || errors.Is(err, context.Canceled) {
		return
	}
	fault := FaultOf(err)
	if err == nil || fault != nil && !fault.IsEverywhere() && (!fault.IsLate() || !w.hangs()) {
		w.fault.Store(nil) // it leads somewhere
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case fault != nil && fault.IsOfPassword():
		w.until, w.cause = now.Add(pauseAfter(w.refused)), err
		w.refused++
	case err == nil, fault != nil:
		w.refused, w.cause = 0, nil
	}
}

// FaultOf returns what is wrong with the proxy, if that is why err came about, nil
// otherwise. If the proxy could be reached over one of its addresses, that counts.
func FaultOf(err error) *egress.Fault {
	if err == nil {
		return nil
	}
	if fault, ok := err.(*egress.Fault); ok { //nolint:errorlint // each of several errors is looked at
		return fault
	}
	var found *egress.Fault
	switch err := err.(type) { //nolint:errorlint // likewise
	case interface{ Unwrap() error }:
		return FaultOf(err.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range err.Unwrap() {
			if fault := FaultOf(one); fault != nil && (found == nil || found.IsEverywhere() && !fault.IsEverywhere()) {
				found = fault
			}
		}
	}
	return found
}

// leadsNowhere reports whether err is a fault of a proxy for every host behind it.
func leadsNowhere(err error) bool {
	fault := FaultOf(err)
	return fault != nil && fault.IsEverywhere()
}

// alsoBehind returns the hosts, a bit each, that need not be tried since host could not be
// reached for err: those behind the same proxy, if that leads nowhere. A proxy that hangs may
// do so for one host alone; but if all are down, one attempt is enough of a wait, since
// their watchers find out more.
func (h *Hosts) alsoBehind(host *host, err error, areDown bool) (hosts uint64) {
	fault := FaultOf(err)
	if fault == nil || !fault.IsEverywhere() && (!areDown || !fault.IsLate()) {
		return 0
	}
	for i, other := range h.hosts {
		if other.way == host.way {
			hosts |= 1 << i
		}
	}
	return hosts
}

// isNews reports whether a host that was in the condition before is down for a reason that
// is new: it was up, or it turns out that its proxy is to blame, or not any more.
func (h *host) isNews(before *condition, reason error) bool {
	switch {
	case h.way == nil:
		return !before.isDown()
	case leadsNowhere(reason):
		return h.way.fault.Load() == nil // whose host has found it out looks after it
	}
	still := FaultOf(reason) != nil && FaultOf(reason).IsLate() && h.way.hangs()
	return !before.isDown() || leadsNowhere(before.cause) && !still
}

// tell has the log say that the host is down, and the others behind its proxy know if that
// is why.
func (h *host) tell(after *condition) {
	fault := FaultOf(after.cause)
	if excluded, ok := errors.AsType[*egress.ExcludedError](after.cause); ok {
		remedy, _ := excluded.Remedies()
		h.config.Log.Warn("upstream host is down", "host", h.url, "err", after.cause, "remedy", remedy)
		return
	}
	if fault == nil {
		h.config.Log.Warn("upstream host is down", "host", h.url, "err", after.cause)
		return
	}
	if fault.IsEverywhere() {
		h.way.fault.Store(after)
	}
	remedy, _ := fault.Remedies()
	h.config.Log.Warn("upstream host is down", "host", h.url, "err", after.cause, "proxy", fault.Proxy, "remedy", remedy)
}
