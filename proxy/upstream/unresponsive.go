package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxUnanswered is how many requests in a row a host may leave without an answer while
// another host is up.
const maxUnanswered = 3

// errUnresponsive is why a host is down that has left so many without one.
var errUnresponsive = errors.New("it has left 3 requests in a row without an answer")

// Report tells h how a request ended that was sent at the time sent, over a connection
// from Dial to the host with that URL: err is why it has no answer, nil if it has one.
func (h *Hosts) Report(base *url.URL, sent time.Time, err error) {
	for _, host := range h.hosts {
		if host.base == base {
			if err != nil {
				host.failures.count(cut(err))
			}
			h.report(host, sent, err)
		}
	}
}

// report takes into account that the host answered a request, or why it did not. As
// long as the host answers other requests, a slow API is no fault of it.
func (h *Hosts) report(host *host, sent time.Time, err error) {
	now := host.condition.Load()
	switch {
	case err == nil:
		if host.unanswered.Load() != 0 {
			host.unanswered.Store(0)
		}
		if now.state == unresponsive {
			host.comeUp(now)
		}
	case now.isDown(), sent.Before(now.since): // it says nothing of the host's present condition
	case host.idle.answeredSince(sent):
		host.unanswered.Store(0)
	case host.unanswered.Add(1) >= maxUnanswered && h.isAnotherUp(host):
		host.unanswered.Store(0)
		host.goDown(now, errUnresponsive)
	}
}

// isAnotherUp reports whether a host other than this one is up.
func (h *Hosts) isAnotherUp(than *host) bool {
	for _, host := range h.hosts {
		if host != than && !host.isDown() {
			return true
		}
	}
	return false
}

// answersProbe reports whether the host answers a request over c, whatever it says: the
// request has no token, so that a refusal is as good an answer as any.
func (h *host) answersProbe(ctx context.Context, c *conn) bool {
	if c.SetDeadline(time.Now().Add(h.config.probeTime())) != nil {
		return false
	}
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	_, err := io.WriteString(c, "GET "+h.config.ProbePath+" HTTP/1.1\r\nHost: "+h.name+"\r\nConnection: close\r\n\r\n")
	if err != nil {
		return false
	}
	answer, err := http.ReadResponse(bufio.NewReader(io.LimitReader(c, maxHead)), nil)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return true
}

// suspect returns err, with which connecting to the host ended, which was in the condition
// before, as a fault for every host behind the proxy if it has hung for two in a row that were
// up: it may have been the host alone for the first of them.
func (w *way) suspect(h *host, before *condition, err error) error {
	fault := FaultOf(err)
	if err != nil && fault == nil {
		return err // it says nothing of the proxy
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.late
	if w.late = nil; fault == nil || !fault.IsLate() {
		return err
	}
	w.late = h
	if last == nil || last == h || before.isDown() || w.hangs() {
		return err
	}
	return w.proxy.Hangs(h.target(), err)
}

// hangs reports whether the proxy has hung for two hosts in a row.
func (w *way) hangs() bool {
	now := w.fault.Load()
	return now != nil && FaultOf(now.cause).IsLate()
}

// mayTry reports whether a host is tried in a pass over all: at first those that are up, at
// last any, and between those that are down only since their proxy hung for others.
func (h *host) mayTry(pass int) bool {
	switch pass {
	case 0:
		return !h.isDown()
	case 1:
		return h.way != nil && h.way.hangs() && !h.condition.Load().isDown()
	}
	return true
}

// passes is how many there are.
const passes = 3
