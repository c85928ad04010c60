package upstream

import (
	"errors"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/socket"
	"wxproxy/proxy/internal/wire"
)

// A Message is a request as WeChat shall read it, but for its Host line: that
// belongs to the host which the request is sent to.
type Message struct {
	Method []byte
	Target []byte     // raw path and query
	Fields []byte     // header lines, CRLF behind each
	Body   *body.Body // nil: none

	Head *wire.Head // where the head of the answer is left if it is an ordinary one; nil: in the Response it is

	Caller       net.Conn // looked at after a wait, in case nobody is there any more; nil: unknown
	KnowsInterim bool     // an interim answer can be written to it
}

// IsRepeatable reports whether sending m twice has no other effect than once.
func (m *Message) IsRepeatable() bool { return m.isHead() || string(m.Method) == "GET" }

// isAlone reports whether m needs a connection that nothing else is sent over: a
// body means nothing with most methods, and who does not read it would take it for
// the next request.
func (m *Message) isAlone() bool {
	if m.Body.Len() == 0 {
		return false
	}
	switch string(m.Method) {
	case fasthttp.MethodPost, fasthttp.MethodPut, fasthttp.MethodPatch:
		return false
	}
	return true
}

// reuse returns which idle connections m may be sent over.
func (m *Message) reuse() reuse {
	if m.isAlone() {
		return reuseNone
	}
	if m.IsRepeatable() {
		return reuseAny
	}
	return reuseProven
}

func (m *Message) isHead() bool { return string(m.Method) == "HEAD" }

// Reasons for which an Upstream has no answer.
var (
	// ErrUnreachable: no connection could be established, nothing was sent.
	ErrUnreachable = errors.New("WeChat cannot be reached")
	// ErrBroken: the connection ended, or made no sense, before the answer did.
	ErrBroken = errors.New("the connection to WeChat broke before its answer was complete")
	// ErrTimeout: the answer did not come in time.
	ErrTimeout = errors.New("WeChat did not answer in time")
	// ErrBusy: every connection stayed in use.
	ErrBusy = errors.New("every connection to WeChat is in use")
	// ErrLeftQueue: the caller left while every connection was in use.
	ErrLeftQueue = errors.New("the caller left before its request was sent")
)

// Send sends m and reads the answer into resp. A body that is not read here is a
// stream: its connection stays in use until it ends or is closed. Nothing is
// sent twice, but for one case that cannot repeat an effect: a kept-alive
// connection turns out to be closed and m is a GET or a HEAD.
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
		c.host.idle.foundClosed(c)
	}
	if stale && m.IsRepeatable() {
		if c, err = h.connect(reuseNone); err != nil {
			return err
		}
		err = h.roundTrip(c, m, resp)
	}
	if s := StreamOf(resp); s != nil {
		s.release, streams = h.releaseSlot, true
	}
	return err
}

// roundTrip sends m over c, and notes whether the host answers.
func (h *Hosts) roundTrip(c *conn, m *Message, resp *fasthttp.Response) error {
	sent, host := c.sent, c.host
	c.answered = false
	err := c.roundTrip(m, resp)
	if err == nil || c.answered {
		h.heard(host, sent, nil)
		return err
	}
	if _, own := errors.AsType[*spoolError](err); !own && !errors.Is(err, errStale) {
		h.heard(host, sent, err)
	}
	return err
}

func (h *Hosts) releaseSlot() { <-h.slots }

// acquireSlot waits until fewer than MaxConnections requests are under way. A
// caller that has left meanwhile must not find out later that it was served.
func (h *Hosts) acquireSlot(m *Message) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	wait := time.NewTimer(h.limit.queueTime())
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
