package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"wxproxy/proxy/internal/buffer"
)

// maxMute is how many requests in a row a host may leave without an answer while
// there is another one.
const maxMute = 3

// errMute is why such a host is down.
var errMute = errors.New("it has left 3 requests in a row without an answer")

// Heard says how a request ended that was sent at the time sent over a connection
// from Dial to the host with that URL: err is why it has no answer.
func (h *Hosts) Heard(base *url.URL, sent time.Time, err error) {
	for _, host := range h.hosts {
		if host.base == base {
			h.heard(host, sent, err)
		}
	}
}

// heard takes into account that the host answered, or why it did not. What is slow
// on its own is no fault of the host: while that answers others, it goes on.
func (h *Hosts) heard(host *host, sent time.Time, err error) {
	now := host.condition.Load()
	switch {
	case err == nil:
		if host.mute.Load() != 0 {
			host.mute.Store(0)
		}
		if now.mute {
			host.comeUp(now)
		}
	case now.down, sent.Before(now.since): // it says nothing of the host as it is
	case host.idle.answeredSince(sent):
		host.mute.Store(0)
	case host.mute.Add(1) >= maxMute && h.hasAnother(host):
		host.mute.Store(0)
		host.goDown(now, errMute)
	}
}

// hasAnother reports whether another host is up.
func (h *Hosts) hasAnother(than *host) bool {
	for _, host := range h.hosts {
		if host != than && !host.isDown() {
			return true
		}
	}
	return false
}

// listen has the host come up from being mute, if it answers over c, and closes c.
func (h *host) listen(ctx context.Context, c *conn, now *condition) {
	if now.mute && h.answers(ctx, c) {
		h.comeUp(now)
	}
	c.Close()
}

// answers reports whether the host answers over c, whatever that is: without a token
// WeChat says 41001.
func (h *host) answers(ctx context.Context, c *conn) bool {
	if c.SetDeadline(time.Now().Add(h.limit.probeTime())) != nil {
		return false
	}
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	_, err := io.WriteString(c, "GET /cgi-bin/get_api_domain_ip HTTP/1.1\r\nHost: "+h.name+"\r\nConnection: close\r\n\r\n")
	if err != nil {
		return false
	}
	answer, err := http.ReadResponse(bufio.NewReader(io.LimitReader(c, buffer.ReaderSize)), nil)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return true
}
