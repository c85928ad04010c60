package proxy

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// A Message is a request as WeChat shall read it, but for its Host line: that
// belongs to the host which the request is sent to.
type Message struct {
	Method []byte
	Target []byte // raw path and query
	Fields []byte // header lines, CRLF behind each
	Body   *Body  // nil: none
}

// repeatable reports whether sending m twice has no other effect than once.
func (m *Message) repeatable() bool { return m.isHead() || string(m.Method) == "GET" }

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
)

// Hosts sends requests to WeChat: to the first of its hosts that can be
// reached, over kept-alive connections. It may be used concurrently.
type Hosts struct {
	hosts []*host
	limit HostsConfig
	slots chan struct{} // holds one element per request that has a connection
}

// HostsConfig says how to reach WeChat.
type HostsConfig struct {
	URLs           []string       // scheme and host, in order of preference
	Roots          *x509.CertPool // nil: the system's
	ConnectTimeout time.Duration  // to connect and shake hands with one host
	Timeout        time.Duration  // from the request's last byte to the answer's header, and between two parts of its body
	IdleTimeout    time.Duration  // a connection that was idle for longer is not used again
	MaxConnections int            // at a time, to all hosts together
}

// maxHosts is how many hosts one word of bits can tell apart.
const maxHosts = 64

// downTime is how long a host that could not be reached is tried last.
const downTime = 5 * time.Second

// NewHosts returns Hosts for config. It connects to nothing yet.
func NewHosts(config HostsConfig) (*Hosts, error) {
	if len(config.URLs) == 0 || len(config.URLs) > maxHosts {
		return nil, fmt.Errorf("got %d upstream URLs; between 1 and %d can be used", len(config.URLs), maxHosts)
	}
	h := &Hosts{limit: config, slots: make(chan struct{}, config.MaxConnections)}
	for _, raw := range config.URLs {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("reading an upstream URL: %w", errors.Unwrap(err))
		}
		h.hosts = append(h.hosts, newHost(u, config))
	}
	return h, nil
}

// Send sends m and reads the answer into resp. A body that is not read here is a
// stream: its connection stays in use until it ends or is closed. Nothing is sent twice, but for
// one case that cannot repeat an effect: a kept-alive connection turns out to
// be closed and m is a GET or a HEAD.
func (h *Hosts) Send(m *Message, resp *fasthttp.Response) error {
	if err := h.acquireSlot(); err != nil {
		return err
	}
	streams := false
	defer func() {
		if !streams {
			h.releaseSlot()
		}
	}()
	c, err := h.connect(true)
	if err != nil {
		return err
	}
	err = c.roundTrip(m, resp)
	if stale := errors.Is(err, errStale); stale && m.repeatable() {
		if c, err = h.connect(false); err != nil {
			return err
		}
		err = c.roundTrip(m, resp)
	}
	if s, ok := resp.BodyStream().(*stream); ok {
		s.release, streams = h.releaseSlot, true
	}
	return err
}

func (h *Hosts) releaseSlot() { <-h.slots }

// acquireSlot waits until fewer than MaxConnections requests are under way.
func (h *Hosts) acquireSlot() error {
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	wait := time.NewTimer(h.limit.Timeout)
	defer wait.Stop()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-wait.C:
		return ErrBusy
	}
}

// connect returns a connection to the first host that can be reached; to an
// idle one if reuse is set. A host that was down a moment ago is tried last.
func (h *Hosts) connect(reuse bool) (*conn, error) {
	failed := ErrUnreachable
	tried := uint64(0) // bit i: host i
	for _, evenDown := range [...]bool{false, true} {
		for i, host := range h.hosts {
			if tried&(1<<i) != 0 || !evenDown && host.isDown() {
				continue
			}
			c, err := host.connect(reuse)
			if err == nil {
				return c, nil
			}
			tried |= 1 << i
			failed = fmt.Errorf("%w: %w", failed, err)
		}
	}
	return nil, failed
}

// Names returns the names, in lower case, by which requests may call the hosts.
func (h *Hosts) Names() []string {
	var names []string
	for _, host := range h.hosts {
		names = append(names, strings.ToLower(host.name), strings.ToLower(host.address))
	}
	return names
}

// Close closes the idle connections.
func (h *Hosts) Close() {
	for _, host := range h.hosts {
		host.closeIdle()
	}
}

// HostState is what an operator may know of a host.
type HostState struct {
	URL  string
	Down bool // the last attempt to connect failed a moment ago
}

// States returns the state of each host, in order of preference.
func (h *Hosts) States() []HostState {
	states := make([]HostState, 0, len(h.hosts))
	for _, host := range h.hosts {
		states = append(states, HostState{URL: host.url, Down: host.isDown()})
	}
	return states
}
