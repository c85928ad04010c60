package upstream

import (
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/socket"
)

// Send sends m and reads the answer into resp. A body that Send does not read is a
// stream, which keeps its connection in use until it ends or is closed. Send sends m a
// second time in one case only, which cannot repeat an effect: a kept-alive connection
// turns out to be closed, and m is a GET or a HEAD.
func (h *Hosts) Send(m *Message, resp *fasthttp.Response) error {
	if err := h.acquireSlot(m); err != nil {
		return err
	}
	streams := false
	defer func() {
		if !streams {
			h.releaseSlot()
		}
	}()
	c, err := h.connect(m.reuse())
	if err != nil {
		return err
	}
	err = h.roundTrip(c, m, resp)
	stale := errors.Is(err, errStale)
	if stale {
		c.host.idle.noteClosed(c)
	}
	if stale && m.IsRepeatable() {
		if c, err = h.connect(reuseNone); err != nil {
			return err
		}
		err = h.roundTrip(c, m, resp)
	}
	c.host.failures.count(err)
	err = c.host.way.through(err)
	if s := StreamOf(resp); s != nil {
		s.release, streams = h.releaseSlot, true
	}
	return err
}

// roundTrip sends m over c, and reports whether the host answered.
func (h *Hosts) roundTrip(c *conn, m *Message, resp *fasthttp.Response) error {
	sent, host := c.sent, c.host
	answered, err := c.roundTrip(m, resp)
	if answered {
		h.report(host, sent, nil)
		return err
	}
	if _, ours := errors.AsType[*bodyError](err); !ours && !errors.Is(err, errStale) {
		h.report(host, sent, err)
	}
	return err
}

func (h *Hosts) releaseSlot() { <-h.slots }

// acquireSlot waits until fewer than MaxConnections requests are under way. If the
// caller has left meanwhile, nothing is sent: the caller may believe that its request
// had no effect.
func (h *Hosts) acquireSlot(m *Message) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	wait := time.NewTimer(h.config.queueTime())
	defer wait.Stop()
	select {
	case h.slots <- struct{}{}:
		if m.Caller != nil && socket.HasLeft(m.Caller, m.KnowsInterim) {
			h.releaseSlot()
			return ErrLeftQueue
		}
		return nil
	case <-wait.C:
		return ErrBusy
	}
}
